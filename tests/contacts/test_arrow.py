from array import array

import msgspec
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from contacts.arrow import data_of, in_json, joined, numbers, texts_of_width

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(texts), st.integers(0, 3))
@example(["plain"], 0)
@example(['"', "\\", "\n", "\x7f", "\u2028", "é", "\U0001f600"], 0)
@example(['"first', "plain"], 1)
def test_a_column_stands_in_json_as_each_of_its_texts_does(given, start):
    column = pa.array(given, pa.string())[start:]

    assert [f'"{text}"'.encode() for text in in_json(column).to_pylist()] == [
        msgspec.json.encode(text) for text in given[start:]
    ]


@given(st.lists(texts), st.integers(0, 3))
def test_the_data_of_a_column_is_its_texts_alone(given, start):
    assert data_of(pa.array(given, pa.string())[start:]).decode() == "".join(given[start:])


def test_columns_are_joined_line_by_line():
    ids = numbers(array("Q", [7, 2**63]))

    lines = joined("<", pa.array(["a", ""]), ":", ids.cast(pa.string()), ">")

    assert lines.to_pylist() == ["<a:7>", "<:9223372036854775808>"]


def test_texts_of_one_width_become_a_column():
    assert texts_of_width(b"abcdef", 2).to_pylist() == ["ab", "cd", "ef"]
    assert len(texts_of_width(b"", 9)) == 0
