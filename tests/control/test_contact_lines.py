from io import BytesIO

import pytest

from control.http.problems import Problem
from control.minting.contact_lines import ALL, read_contacts


def read(*lines, destinations=1, skip_bad=False):
    return read_contacts(BytesIO(b"".join(line + b"\n" for line in lines)), destinations, skip_bad=skip_bad)


def test_lines_become_columns():
    contacts = read(
        b'{"contact_id":"c-1","audience":"vip"}', b'{"contact_id":"c-2","destination_index":1}', destinations=2
    )

    assert contacts.contact_ids.to_pylist() == ["c-1", "c-2"]
    assert [contacts.audiences[no] for no in contacts.audience_nos.to_pylist()] == ["vip", ""]
    assert contacts.indexes.to_pylist() == [ALL, 1]
    assert contacts.links(2) == 3


@pytest.mark.parametrize(
    ("line", "field", "named"),
    [
        (b"", "", "line 2: the line is empty"),
        (b"  ", "", "line 2: the line is empty"),
        (b'{"contact_id":"\xff"}', "", "byte 16 of the line (0xff) is not UTF-8"),
        (b"c-2,vip", "", "not JSON"),
        (b"[]", "", "expected object"),
        (b'{"audience":"vip"}', "contact_id", "field contact_id is required"),
        (b'{"contact_id":""}', "contact_id", 'contact_id is ""'),
        (b'{"contact_id":7}', "contact_id", "contact_id is 7: expected str"),
        (b'{"contact_id":"c-2","name":"Bo"}', "name", "field name is not known here"),
        (b'{"contact_id":"' + b"x" * 1_000_000 + b'"}', "contact_id", "(1000000 characters)"),
        (b'{"contact_id":"a\\nb"}', "contact_id", "control character"),
        (b'{"contact_id":"a\\u0000b"}', "contact_id", "control character"),
        (b'{"contact_id":"c-2","audience":"a\\tb"}', "audience", "control character"),
        (b'{"contact_id":"c-2","destination_index":1}', "destination_index", "there is no destination 1"),
        (b'{"contact_id":"c-2","destination_index":-1}', "destination_index", "destination_index is -1"),
        (b'{"contact_id":"c-1"}', "contact_id", "line 2: contact 'c-1' has this link from an earlier line"),
    ],
)
def test_the_first_bad_line_is_named_with_its_fault(line, field, named):
    with pytest.raises(Problem) as raised:
        read(b'{"contact_id":"c-1"}', line, b'{"contact_id":"c-3"}')

    assert raised.value.line == 2
    assert raised.value.field == field
    assert named in raised.value.detail
    assert len(raised.value.detail) < 300


def test_bad_lines_can_be_left_out():
    contacts = read(b'{"contact_id":"c-1"}', b"", b'{"contact_id":"c-1"}', b'{"contact_id":"c-4"}', skip_bad=True)

    assert contacts.contact_ids.to_pylist() == ["c-1", "c-4"]
    assert contacts.line_nos.to_pylist() == [1, 4]
    assert [bad.line for bad in contacts.bad] == [2, 3]


def test_a_contact_may_have_one_link_for_each_destination_but_not_two_for_one():
    apart = read(
        b'{"contact_id":"c-1","destination_index":0}', b'{"contact_id":"c-1","destination_index":1}', destinations=2
    )
    assert apart.links(2) == 2

    with pytest.raises(Problem, match="earlier line"):
        read(b'{"contact_id":"c-1"}', b'{"contact_id":"c-1","destination_index":1}', destinations=2)


def test_the_last_line_needs_no_newline():
    assert len(read_contacts(BytesIO(b'{"contact_id":"c-1"}\n{"contact_id":"c-2"}'), 1, skip_bad=False)) == 2
