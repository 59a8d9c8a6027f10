import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.json_text import MAX_DEPTH, fault_in


def place(text):
    fault = fault_in(text)
    return fault and (fault.line, fault.column, fault.is_malformed)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"", (1, 1, True)),
        (b" \n", (1, 1, True)),
        (b'{"a":1,}', (1, 8, True)),
        (b"[1 2]", (1, 4, True)),
        (b"[01]", (1, 2, True)),
        (b"[1.]", (1, 2, True)),
        (b"[truex]", (1, 2, True)),
        (b"{1:2}", (1, 2, True)),
        (b'{"a" 1}', (1, 6, True)),
        (b'["a\nb"]', (1, 2, True)),
        (b'["\\x41"]', (1, 2, True)),
        (b"[1]]", (1, 4, True)),
        (b"[}", (1, 2, True)),
        ('{"ä":\n"ö" x}'.encode(), (2, 5, True)),
        (b'{"a":[1,{"b":-1e999}]}', (1, 14, False)),
        (b"[18446744073709551616]", (1, 2, False)),
        (b'["\\udc00\\ud800"]', (1, 2, False)),
        (b'{"a":1,"\\u0061":2}', (1, 8, False)),
    ],
)
def test_the_first_fault_is_placed_by_line_and_column(text, where):
    assert place(text) == where


def test_a_text_that_is_no_json_is_that_whatever_else_is_wrong():
    assert place(b'{"a":1e999,"a":\n}') == (2, 1, True)


def test_nesting_has_a_bound():
    assert place(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is None
    assert place(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)) == (1, MAX_DEPTH + 1, False)


def test_a_refused_value_is_named_by_its_field():
    fault = fault_in(b'{"a":[1,{"b":1e999}]}')

    assert fault is not None
    assert (fault.field, fault.error) == ("a[1].b", "the number 1e999 is out of range")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_json_that_others_write_has_no_fault(value, indent, ascii_only):
    assert fault_in(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()) is None


@given(st.binary(max_size=20) | st.text('[]{}",:019.eE+-tfn\\u \n', max_size=20).map(str.encode))
def test_what_another_reader_refuses_is_refused(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        assert fault_in(text) is not None
