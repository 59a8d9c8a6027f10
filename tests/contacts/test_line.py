"""The fast way over many lines and the slow way over one line keep the same rules."""

import csv
import io

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contacts.bad_lines import BadContact
from contacts.csv_form import csv_form
from contacts.line import MAX_AUDIENCE, MAX_CONTACT_ID, ContactLine, Fault, columns_of, fault_of, may_be_wrong
from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts

DESTINATIONS = 2
ODD = st.sampled_from(
    [
        "",
        " ",
        "a",
        "ä",
        "\u2028",
        "\x00",
        "\x85",
        "\n",
        '"',
        ",",
        "春",
        "canary:1",
        f"erased-{'0f' * 16}",
        "x" * 128,
        "x" * 129,
        "y" * 257,
    ]
)
TEXT = ODD | st.text(max_size=4)
LINES = st.builds(ContactLine, TEXT, TEXT, st.none() | st.integers(-1, 3))


@given(st.lists(LINES, min_size=1))
def test_lines_in_which_the_fast_way_finds_nothing_have_no_fault(lines):
    if not may_be_wrong(columns_of(lines), DESTINATIONS):
        assert [fault_of(line, DESTINATIONS) for line in lines] == [None] * len(lines)


@given(st.text("abc", min_size=1, max_size=3), st.text("abc", max_size=3), st.none() | st.integers(0, 1))
def test_usual_lines_take_the_fast_way(contact_id, audience, index):
    assert not may_be_wrong(columns_of([ContactLine(contact_id, audience, index)]), DESTINATIONS)


def test_a_text_may_be_as_long_as_its_bound_and_no_longer():
    longest = ContactLine("c" * MAX_CONTACT_ID, "a" * MAX_AUDIENCE)
    assert (fault_of(longest, 1), may_be_wrong(columns_of([longest]), 1)) == (None, False)

    for line in (ContactLine("c" * (MAX_CONTACT_ID + 1)), ContactLine("c", "a" * (MAX_AUDIENCE + 1))):
        assert fault_of(line, 1) is not None
        assert may_be_wrong(columns_of([line]), 1)


def described(contacts):
    audiences = [contacts.audiences[no] for no in contacts.audience_nos]
    rows = zip(
        contacts.contact_ids.to_pylist(), audiences, contacts.destination_indexes, contacts.line_nos, strict=True
    )
    return list(rows), [(bad.line, bad.error) for bad in contacts.bad]


class OneByOne:
    """A form that leaves every line to the slow way."""

    def __init__(self, form):
        self._form = form

    def batches(self, file):
        return self._form.batches(file)

    def columns(self, lines):
        return None

    def line(self, raw) -> ContactLine | Fault:
        return self._form.line(raw)


def read(data, form):
    try:
        return described(read_contacts(io.BytesIO(data), form, DESTINATIONS, skip_bad=True))
    except BadContact as bad:
        return str(bad)


@given(st.lists(LINES.map(msgspec.json.encode) | st.sampled_from([b"", b"{}", b"\xff", b"7"]), max_size=5))
def test_both_ways_read_the_same_from_ndjson(lines):
    data = b"".join(line + b"\n" for line in lines)

    assert read(data, NdjsonForm()) == read(data, OneByOne(NdjsonForm()))


@given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["", "0", "1", "2", "x", "²", "-1", "9" * 9])), max_size=5))
def test_both_ways_read_the_same_from_csv(rows):
    text = io.StringIO()
    csv.writer(text).writerows([("contact_id", "audience", "destination_index"), *rows])
    data = text.getvalue().encode("utf-8", "replace")
    assume(b"\x1b$" not in data)  # a Japanese encoding then, which somebody has to name

    assert read(data, csv_form(io.BytesIO(data))) == read(data, OneByOne(csv_form(io.BytesIO(data))))


@settings(max_examples=300)
@given(st.text('a,"\n\r;', max_size=40), st.booleans())
def test_whatever_a_file_holds_both_ways_read_the_same(text, has_contacts):
    data = f"contact_id,audience\n{'c-1,vip' if has_contacts else ''}{text}".encode()

    assert read(data, csv_form(io.BytesIO(data))) == read(data, OneByOne(csv_form(io.BytesIO(data))))
