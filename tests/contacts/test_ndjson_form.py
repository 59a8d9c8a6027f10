from io import BytesIO

import pytest

from contacts.bad_lines import BadContact
from contacts.line import ALL
from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts


def read(*lines, destinations=1, skip_bad=False):
    file = BytesIO(b"".join(line + b"\n" for line in lines))
    return read_contacts(file, NdjsonForm(), destinations, skip_bad=skip_bad)


def test_lines_become_columns():
    contacts = read(
        b'{"contact_id":"c-1","audience":"vip"}', b'{"contact_id":"c-2","destination_index":1}', destinations=2
    )

    assert contacts.contact_ids.to_pylist() == ["c-1", "c-2"]
    assert [contacts.audiences[no] for no in contacts.audience_nos] == ["vip", ""]
    assert list(contacts.destination_indexes) == [ALL, 1]
    assert contacts.links(2) == 3


@pytest.mark.parametrize(
    ("line", "field", "named"),
    [
        (b"", "", "line 2: the line is empty"),
        (b"  ", "", "line 2: the line is empty"),
        (b'{"contact_id":"\xff"}', "", "the line is not JSON: the byte 0xff is not UTF-8 (column 16)"),
        (
            b'{"contact_id":7,,}',
            "",
            ", stands where a name in double quotes is expected (column 17)",
        ),
        (b'{"contact_id":', "", "the line is not JSON"),
        (b'"contact_id": "c-2"', "", "the line is not JSON: : stands where the end is expected (column 13)"),
        (b'{"contact_id":"c-2"} {"contact_id":"c-3"}', "", "{ stands where the end is expected (column 22)"),
        (b'{"contact_id":' + b"[" * 2000 + b"]" * 2000 + b"}", "contact_id" + "[0]" * 29 + "...", "64 deep"),
        (b'{"contact_id":"a","contact_id":"b"}', "contact_id", 'the name "contact_id" is there twice (column 19)'),
        (b'{"contact_id":"a","cont\\u0061ct_id":"b"}', "contact_id", "is there twice (column 19)"),
        (b'{"contact_id":"a","contact_id" :"b"}', "contact_id", "is there twice (column 19)"),
        (b'{"contact_id":"a","contact_id"\t:"b"}', "contact_id", "is there twice (column 19)"),
        (b'{"contact_id":"a","contact_id"\r:"b"}', "contact_id", "is there twice (column 19)"),
        (b'{"contact_id":"a","audience":"","audience":"b"}', "audience", "is there twice"),
        (b'{"contact_id":"a","audience":"b","audience":""}', "audience", "is there twice"),
        (b'{"contact_id":"a","destination_index":0,"destination_index":null}', "destination_index", "there twice"),
        (b'{"contact_id":"a","fields":{"a":"1"},"fields":{}}', "fields", "is there twice"),
        (b'{"contact_id":"a","fields":{"a":"1","b":"2","a":"3"}}', "fields.a", "is there twice (column 45)"),
        (b"{", "", "; an object stands in one line"),
        (b'{"contact_id":"c-2","destination_index":1e400}', "destination_index", "(column 41)"),
        (
            b'{"contact_id":"c-2","destination_index":' + b"9" * 5000 + b"}",
            "destination_index",
            "(column 41)",
        ),
        (b'{"contact_id":"\\ud800"}', "contact_id", "one half of a surrogate pair (column 15)"),
        (b"c-2,vip", "", "not JSON"),
        (b"[]", "", "expected object"),
        (b'{"audience":"vip"}', "contact_id", "field contact_id is required"),
        (b'{"contact_id":""}', "contact_id", "contact_id is empty"),
        (b'{"contact_id":7}', "contact_id", "contact_id is 7: expected str"),
        (b'{"contact_id":"c-2","name":"Bo"}', "name", "field name is not known here"),
        (b'{"contact_id":"' + b"x" * 1_000_000 + b'"}', "contact_id", "contact_id has 1000000 characters; at most 256"),
        (b'{"contact_id":"a\\nb"}', "contact_id", "control character"),
        (b'{"contact_id":"a\\u0000b"}', "contact_id", "control character"),
        (b'{"contact_id":"c-2","audience":"a\\tb"}', "audience", "control character"),
        (b'{"contact_id":"c-2","destination_index":1}', "destination_index", "there is no destination 1"),
        (b'{"contact_id":"c-2","destination_index":-1}', "destination_index", "there is no destination -1"),
        (b'{"contact_id":"c-1"}', "contact_id", "line 2: contact 'c-1' was on line 1 already"),
    ],
)
def test_the_first_bad_line_is_named_with_its_fault(line, field, named):
    with pytest.raises(BadContact) as raised:
        read(b'{"contact_id":"c-1"}', line, b'{"contact_id":"c-3"}')

    assert raised.value.line == 2
    assert raised.value.field == field
    assert named in str(raised.value)
    assert len(str(raised.value)) < 300


def test_bad_lines_can_be_left_out():
    contacts = read(b'{"contact_id":"c-1"}', b"", b'{"contact_id":"c-1"}', b'{"contact_id":"c-4"}', skip_bad=True)

    assert contacts.contact_ids.to_pylist() == ["c-1", "c-4"]
    assert list(contacts.line_nos) == [1, 4]
    assert [bad.line for bad in contacts.bad] == [2, 3]


def test_a_contact_may_have_one_link_for_each_destination_but_not_two_for_one():
    apart = read(
        b'{"contact_id":"c-1","destination_index":0}', b'{"contact_id":"c-1","destination_index":1}', destinations=2
    )
    assert apart.links(2) == 2

    with pytest.raises(BadContact, match="was on line 1 already"):
        read(b'{"contact_id":"c-1"}', b'{"contact_id":"c-1","destination_index":1}', destinations=2)


def test_a_line_that_is_refused_asks_for_nothing():
    contacts = read(
        b'{"contact_id":"c-1","destination_index":0}',
        b'{"contact_id":"c-1"}',
        b'{"contact_id":"c-1","destination_index":1}',
        destinations=2,
        skip_bad=True,
    )

    assert [(bad.line, bad.error) for bad in contacts.bad] == [(2, "contact 'c-1' was on line 1 already")]
    assert list(contacts.line_nos) == [1, 3]


def test_the_last_line_needs_no_newline():
    file = BytesIO(b'{"contact_id":"c-1"}\n{"contact_id":"c-2"}')

    assert len(read_contacts(file, NdjsonForm(), 1, skip_bad=False)) == 2


def test_an_object_that_goes_on_in_the_next_line_is_no_contact():
    pretty = [b"{", b'"contact_id": "c-1"', b"}", b'{"contact_id":', b'"c-2"} {"contact_id":"c-3"}']

    contacts = read(*pretty, b'{"contact_id":"c-4"}', skip_bad=True)

    assert contacts.contact_ids.to_pylist() == ["c-4"]
    assert [bad.line for bad in contacts.bad] == [1, 2, 3, 4, 5]
