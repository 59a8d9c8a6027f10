"""What a contact's fields may be; the fast way over many lines and the slow way over one keep the same rules."""

from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.bad_lines import BadContact
from contacts.fields import MAX_FIELD, FieldNeeds, composed, field_fault, fields_may_be_wrong
from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts

NEEDS = FieldNeeds(frozenset({"first_name", "order"}), frozenset({"order"}))
ODD = st.sampled_from(["", ".", "..", "a\n", "\u202e", "\u2028", "e\u0301", "é", "x" * 257, "👩\u200d🚀", "\x85"])
FIELDS = st.dictionaries(
    st.sampled_from(["first_name", "order", "Order", "1a", "contact_id", "x" * 33, ""]), ODD | st.text(max_size=3)
)


def read(*lines, needs=NEEDS, skip_bad=False):
    body = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    return read_contacts(BytesIO(body), NdjsonForm(), 1, skip_bad=skip_bad, needs=needs)


def line(contact_id="c-1", /, **fields):
    return {"contact_id": contact_id, "fields": fields}


@given(st.lists(FIELDS, min_size=1))
def test_fields_in_which_the_fast_way_finds_nothing_have_no_fault(lines):
    if not fields_may_be_wrong(lines, frozenset()):
        assert [field_fault(fields) for fields in lines] == [None] * len(lines)
        assert [composed(fields) for fields in lines] == lines


def test_usual_fields_take_the_fast_way():
    assert not fields_may_be_wrong([{"first_name": "Zoë", "order": "17"}, {"order": ""}], frozenset({"order"}))


def test_the_fields_that_count_are_kept_as_columns():
    contacts = read(line("c-1", order="17", first_name="Ada", shoe="43"), line("c-2", order=""))

    assert contacts.fields_of(slice(0, 2)) == [{"first_name": "Ada", "order": "17"}, {"order": ""}]


def test_an_accent_becomes_one_character_with_its_letter():
    assert read(line(order="e\u0301")).fields_of(slice(None)) == [{"order": "\u00e9"}]


@pytest.mark.parametrize(
    ("fields", "field", "named"),
    [
        ({"Order": "1"}, "Order", "'Order' is not one"),
        ({"order": "1", "contact_id": "c"}, "contact_id", "beside the fields"),
        ({"order": "1\r\nSet-Cookie: a"}, "order", "control character"),
        ({"order": "\u202e17"}, "order", "U+202E"),
        ({"order": ".."}, "order", "step in a path"),
        ({"order": "."}, "order", "step in a path"),
        ({"order": "x" * (MAX_FIELD + 1)}, "order", "257 characters; at most 256"),
        ({"order": "1", "note": "x" * 1_000_000}, "note", "1000000 characters"),
        ({"first_name": "Ada"}, "order", "field order is missing"),
        ({}, "order", "field order is missing"),
    ],
)
def test_a_field_that_may_not_be_is_refused_by_line_and_name(fields, field, named):
    with pytest.raises(BadContact) as caught:
        read(line("c-1", order="1"), line("c-2", **fields))

    assert (caught.value.line, caught.value.field) == (2, field)
    assert named in str(caught.value)


def test_a_line_that_lacks_a_field_may_be_left_out_alone():
    needs = msgspec.structs.replace(NEEDS, skips_missing=True)

    contacts = read(line("c-1"), line("c-2", order="1"), needs=needs)

    assert contacts.contact_ids.to_pylist() == ["c-2"]
    assert [(bad.line, "order is missing" in bad.error) for bad in contacts.bad] == [(1, True)]
    with pytest.raises(BadContact):
        read(line("c-1", order=".."), needs=needs)
