"""The fast way of a plain list: what it writes is what the slow way writes, and what it leaves alone is for that."""

from hashlib import sha256
from io import BytesIO

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts.bad_lines import BadContact
from contacts.columns import BadHeader
from contacts.csv_form import csv_form
from contacts.fields import NO_FIELDS, FieldNeeds
from contacts.line import ALL, ContactLine
from contacts.phones import phone_warnings
from contacts.plain_lines import plain_lines
from contacts.reader import read_contacts


def plainly(content, destinations=1, needs=NO_FIELDS):
    """(what was found, the request)"""
    file, request = BytesIO(content), BytesIO()
    return plain_lines(csv_form(file, needs=needs), file, destinations, needs, request), request.getvalue()


def slowly(content, destinations):
    """(line numbers, lines for every destination, the request, warnings), or None for a list with a bad line."""
    file = BytesIO(content)
    try:
        form = csv_form(file)
        contacts = read_contacts(file, form, destinations, skip_bad=False)
    except (BadHeader, BadContact):
        return None
    audiences = [contacts.audiences[number] for number in contacts.audience_nos]
    indexes = [None if index == ALL else index for index in contacts.destination_indexes]
    lines = map(ContactLine, contacts.contact_ids.to_pylist(), audiences, indexes)
    request = msgspec.json.Encoder().encode_lines(lines)
    warnings = phone_warnings(contacts, form.header.contact_column)
    return list(contacts.line_nos), contacts.destination_indexes.count(ALL), request, warnings


@pytest.mark.parametrize(
    "content",
    [
        "contact_id\nc-1\nc-2\n",
        "contact_id,audience,destination_index\nc-1,vip,\nc-2,,1\nc-3,vip,0",
        "\ufeffcontact_id;audience\r\nc-1;vip\r\nc-2;ærlig\r\n",
        "sep=;\ncontact_id;audience\n c-1 ;vip\n",
        'contact_id,name\n"c-1","Bo, the first"\n"c-2",Al\n',
        "contact_id\n+4915112345678\n+4915112345679\n",
        "contact_id\n4915112345678\n4915112345679\n",
    ],
)
def test_what_the_fast_way_writes_is_what_the_slow_way_writes(content):
    found, request = plainly(content.encode(), destinations=2)

    assert found is not None
    assert (list(found.line_nos), found.everywhere, request, []) == slowly(content.encode(), 2)
    assert found.digest == sha256(request).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        "contact_id\n",
        "contact_id\nc-1\n\nc-2\n",
        "contact_id\nc-1\nc-2\nc-1\n",
        "contact_id,destination_index\nc-1,\nc-1,0\n",
        "contact_id,destination_index\nc-1,2\n",
        "contact_id\n4.9E+11\n",
        'contact_id\n"c-1\nc-2"\n',
        'contact_id\n"c ""1"""\n',
        'contact_id\n"c-1\n',
        "contact_id\nc\\1\n",
        "contact_id,audience\nc-1,a\\b\n",
        "contact_id\nJürgen\n",
        "contact_id\n+49 151 12345678\n+4915112345678\n",
        "contact_id\n004915112345678\nc-1\n",
        "contact_id\n(0151) 1234567\n",
        "contact_id\ntel:4915112345678\nc-1\n",
        "contact_id\n'4915112345678\nc-1\n",
        "contact_id\nc-1\n4915112345678\n",
        "contact_id\n+4915112345678\nc-1\n",
    ],
)
def test_what_may_be_wrong_or_worth_a_word_is_left_to_the_slow_way(content):
    assert plainly(content.encode(), destinations=2)[0] is None


def test_numbers_without_a_plus_under_a_header_of_phones_are_left_to_the_slow_way():
    content = b"contact_id phone\n4915112345678\n4915112345679\n"
    file = BytesIO(content)
    form = csv_form(file, {"contact_id": "contact_id phone"})

    assert plain_lines(form, file, 1, NO_FIELDS, BytesIO()) is None


def test_fields_that_count_are_left_to_the_slow_way():
    needs = FieldNeeds(frozenset({"order"}))

    assert plainly(b"contact_id,order\nc-1,17\n", needs=needs)[0] is None
    assert plainly(b"contact_id,order\nc-1,17\n")[0] is not None


_ids = st.one_of(
    st.text("+0123456789 ()-.", min_size=1, max_size=14),
    st.text("abc\"'\\,;\t=\r\n\x7f\u00e9\u2028\u0663:@", max_size=6),
    st.integers(10**9, 10**9 + 50).map(lambda number: f"+49{number}"),
    st.integers(10**9, 10**9 + 50).map(str),
    st.sampled_from(["c-1", "c-2", "tel:12345678", "TEL:12345678", "canary:1", "..", "1.5E+10", "12345678.0"]),
)


@given(
    st.lists(
        st.tuples(_ids, st.sampled_from(["", "vip", 'v"p', " a "]), st.sampled_from(["", "0", "1", "2"])), max_size=4
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 2]),
)
@example([("+4915112345678", "", ""), ("4915112345678", "", "")], "\n", 1)
def test_the_fast_way_says_nothing_that_the_slow_way_does_not(lines, end, destinations):
    rows = ["contact_id,audience,destination_index", *(",".join(line) for line in lines)]
    content = end.join(rows).encode()

    try:
        found, request = plainly(content, destinations)
    except BadHeader:
        return

    if found is not None:
        assert (list(found.line_nos), found.everywhere, request, []) == slowly(content, destinations)
