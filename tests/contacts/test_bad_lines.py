"""What is kept of a list that is bad from end to end."""

from io import BytesIO

from contacts.bad_lines import MAX_ERROR, MAX_NAMED, BadLine, BadLines
from contacts.ndjson_form import BATCH_LINES, NdjsonForm
from contacts.reader import read_contacts

BAD = 300_000


def read(body):
    return read_contacts(BytesIO(body), NdjsonForm(), 1, skip_bad=True)


def test_of_many_bad_lines_the_first_are_named_and_the_others_counted():
    contacts = read(b"x\n" * BAD)

    assert [bad.line for bad in contacts.bad] == list(range(1, MAX_NAMED + 1))
    assert contacts.bad_rest == BadLine(1001, "299,000 more lines are bad, from this one on", BAD - MAX_NAMED)
    assert (contacts.bad_lines, len(contacts)) == (BAD, 0)


def test_repeats_are_named_by_line_among_the_others():
    repeated = b'{"contact_id":"a"}\n' * 1_500

    contacts = read(repeated + b"x\n" * 1_500)

    assert [bad.line for bad in contacts.bad] == list(range(2, MAX_NAMED + 2))
    assert (contacts.bad_rest.line, contacts.bad_rest.lines, len(contacts)) == (1002, 1_999, 1)


def test_one_line_beyond_those_that_are_named():
    contacts = read(b"x\n" * (MAX_NAMED + 1))

    assert contacts.bad_rest == BadLine(1001, "1 more line is bad: this one", 1)


def test_as_many_as_are_named_leave_no_rest():
    assert read(b"x\n" * MAX_NAMED).bad_rest is None


def test_no_more_is_held_than_is_named_and_no_error_is_long():
    bad = BadLines()
    for line in range(BAD, 0, -1):
        bad.add(line, "e" * 10_000)

    assert (len(bad), len(bad._first)) == (BAD, MAX_NAMED + 1)
    assert max(len(one.error) for one in bad._first) <= MAX_ERROR + len("...")
    assert bad.named[0].line == 1


def test_few_short_lines_are_held_at_once():
    batches = [len(lines) for lines, _ in NdjsonForm().batches(BytesIO(b"\n" * BAD))]

    assert sum(batches) == BAD
    assert max(batches) <= 2 * BATCH_LINES
