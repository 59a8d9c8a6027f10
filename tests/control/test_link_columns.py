from array import array

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from control.http.schemas import LinkLine
from control.minting.link_columns import LinkColumns, columns_of, link_lines, link_rows
from records.broadcast import Broadcast
from records.link import Link

contact_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def columns(contact_ids, fields=None):
    count = len(contact_ids)
    return LinkColumns(
        array("Q", range(7, 7 + count)),
        pa.array(contact_ids, pa.string()),
        pa.array([place % 2 for place in range(count)], pa.uint32()),
        pa.array([place % 3 for place in range(count)], pa.uint16()),
        pa.array([f"code-{place}" for place in range(count)], pa.string()),
        fields,
    )


@given(st.lists(contact_ids), st.booleans())
@example(['a"b', "a\\b", "a,b", "é"], True)
def test_the_lines_are_what_the_record_of_a_line_says(contact_ids, knows_which):
    are_there = [place % 2 == 0 for place in range(len(contact_ids))]
    links = columns(contact_ids)

    lines = link_lines(links, "https://go.acme.example/", pa.array(are_there, pa.bool_()) if knows_which else None)

    assert [line.encode() for line in lines.to_pylist()] == [
        msgspec.json.encode(
            LinkLine(
                contact_id, place % 3, 7 + place, f"code-{place}", f"https://go.acme.example/code-{place}",
                True if knows_which and are_there[place] else msgspec.UNSET,
            )
        ) + b"\n"
        for place, contact_id in enumerate(contact_ids)
    ]  # fmt: skip


def test_those_that_are_chosen_keep_what_is_theirs():
    links = columns(["a", "b", "c"], fields=[{"order": "1"}, {"order": "2"}, {"order": "3"}])

    chosen = links.only(pa.array([True, False, True]))

    assert list(chosen.link_ids) == [7, 9]
    assert list(chosen.records(5)) == [
        Link(5, 0, 0, "a", "", {"order": "1"}),
        Link(5, 2, 0, "c", "", {"order": "3"}),
    ]
    assert chosen.codes.to_pylist() == ["code-0", "code-2"]


@pytest.mark.parametrize("slug", ["", "SALE"])
def test_a_link_alone_is_a_row_too(slug):
    broadcast = Broadcast(5, "acme", "spring", "go.acme.example", ("https://shop.acme.example/",), audiences=("",))

    (row,) = link_rows(broadcast, columns_of(9, Link(5, 1, 0, "", slug), slug or "aB3dE5fG7"), 1_000).to_pylist()

    assert {name: row[name] for name in ("link_id", "code", "slug", "destination_index", "contact_id")} == {
        "link_id": 9, "code": slug or "aB3dE5fG7", "slug": slug, "destination_index": 1, "contact_id": "",
    }  # fmt: skip
