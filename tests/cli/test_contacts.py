"""A contacts file is taken whole or refused with the place of its fault."""

from io import BytesIO

import pytest

from cli.contacts import ContactsError, Reading, checked, lines_aloud


def check(tmp_path, content, destinations=1, *, skip_bad=False):
    """(what was found, the lines of the request)."""
    path = tmp_path / "contacts.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    request = BytesIO()
    found = checked(path, request, destinations, skip_bad=skip_bad)
    return found, request.getvalue().decode().splitlines()


def refusal(tmp_path, content, destinations=1):
    with pytest.raises(ContactsError) as refused:
        check(tmp_path, content, destinations)
    return str(refused.value).removeprefix(f"{tmp_path}/contacts.csv: ")


def test_contacts_and_audiences_become_lines_of_the_request(tmp_path):
    found, lines = check(tmp_path, "name,contact_id,audience\nAnn,c-1,vip\nBob,c-2,\n")

    assert lines == ['{"contact_id":"c-1","audience":"vip"}', '{"contact_id":"c-2"}']
    assert (found.contacts.bad, list(found.contacts.line_nos), found.contacts.links(3)) == ([], [2, 3], 6)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfcontact_id,audience\na,b\n",
        b'\xef\xbb\xbf"contact_id","audience"\n"a","b"\n',
        b"contact_id,audience\r\na,b\r\n",
        b"contact_id,audience\na,b",
        b"Contact_ID , AUDIENCE\n a , b \n",
    ],
    ids=["byte order mark", "byte order mark before a quote", "CRLF", "no last newline", "capitals and spaces"],
)
def test_a_file_as_spreadsheets_write_it_is_understood(tmp_path, content):
    assert check(tmp_path, content)[1] == ['{"contact_id":"a","audience":"b"}']


def test_quoted_commas_and_doubled_quotes_stay_in_their_field(tmp_path):
    _, lines = check(tmp_path, 'contact_id,audience\n"a, jr","say ""hi"""\n')

    assert lines == [r'{"contact_id":"a, jr","audience":"say \"hi\""}']


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: it is empty; expected a CSV header like contact_id,audience"),
        (b"contact_id,audience\n", "it has no contacts below its header; nothing was minted"),
        (b"name,audience\na,b\n", "the column contact_id is missing; the header is 'name,audience'"),
        (b"contact_id,contact_id\na,b\n", "the column contact_id is in the header twice"),
        (b"contact_id\na\nb\na\n", "line 4: contact 'a' was on line 2 already; nothing was minted"),
        (b"contact_id\na\n\nb\n", "line 3: it is empty; nothing was minted"),
        (b"contact_id\na\nb\x81\n", "line 3: character 2 is not Windows-1252; save the file as CSV in UTF-8"),
        (b"contact_id\n\xc3\xa4\nb\xff\n", "line 3: character 2 is not UTF-8"),
        (b"contact_id\na\n" + b"x" * 2**20 + b"\n", "line 3: it is too long; at most 65536"),
        (b"contact_id\n" + b"x" * 300 + b"\n", "line 2: contact_id has 300 characters; at most 256 are allowed"),
        (b"contact_id\na\x00b\n", "line 2: it holds a control character, U+0000"),
        (b"contact_id,audience\na\n", "line 2: it has 1 fields, the header has 2"),
        (b"contact_id,audience\n ,b\n", "line 2: contact_id is empty"),
        (b'contact_id,audience\na,"b\nc"\n', "line 2: audience has a control character: 'b\\nc'"),
        (b'contact_id,audience\na,"b\nc\n', "line 2: a quote is opened and not closed"),
        (b'contact_id\n"a"b\n', "line 2: a quoted field goes on after its closing quote"),
        (b"contact_id\ra\rb\r", "line 1: it holds a carriage return"),
        (b"contact_id,destination_index\na,x\n", "line 2: destination_index is 'x'; expected a whole number"),
        ("contact_id,destination_index\na,²\n".encode(), "line 2: destination_index is '²'"),
        (b"contact_id,destination_index\na,1\n", "line 2: there is no destination 1; the broadcast has 1"),
        ("contact_id\na\n".encode("utf-16")[:-1], "line 2: character 2 is not UTF-16"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, content, said):
    assert said in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("lines", "first"), [("a,0\na,\n", 2), ("a,\na,1\n", 2), ("a,1\na,1\n", 2), ("b,0\na,1\na,0\na,\n", 4)]
)
def test_a_link_asked_for_twice_in_any_way_is_a_duplicate(tmp_path, lines, first):
    said = refusal(tmp_path, f"contact_id,destination_index\n{lines}", destinations=2)

    assert f"contact 'a' was on line {first} already" in said


def test_one_contact_may_name_each_destination_once(tmp_path):
    found, _ = check(tmp_path, "contact_id,destination_index\na,0\na,1\nb,\n", destinations=2)

    assert found.contacts.links(2) == 4


def test_bad_lines_are_left_out_when_asked_and_keep_their_numbers(tmp_path):
    found, lines = check(tmp_path, b"contact_id\na\n\nb\x81\na\nc\n", skip_bad=True)

    assert lines == ['{"contact_id":"a"}', '{"contact_id":"c"}']
    assert [bad.line for bad in found.contacts.bad] == [3, 4, 5]
    assert list(found.contacts.line_nos) == [2, 6]


def test_a_file_of_bad_lines_alone_is_refused_also_when_they_may_be_skipped(tmp_path):
    with pytest.raises(ContactsError, match="no good contacts"):
        check(tmp_path, b"contact_id\n\n\n", skip_bad=True)


def test_the_same_contacts_have_the_same_digest_and_others_another(tmp_path):
    one, same, other = (check(tmp_path, text)[0].digest for text in ("contact_id\na\n", "contact_id\r\na\r\n",
                                                                      "contact_id\nb\n"))  # fmt: skip

    assert one == same != other


def test_the_digest_stays_what_it_was_so_that_an_upgrade_mints_nothing_twice(tmp_path):
    content = "contact_id,audience,destination_index\nc-1,vip,\nc-2,,1\n"

    found, lines = check(tmp_path, content, destinations=2)

    assert lines == ['{"contact_id":"c-1","audience":"vip"}', '{"contact_id":"c-2","destination_index":1}']
    assert found.digest == "25f12798a4443ba21342b2bff27e2b5d739894b207041180441a93b7c36ac761"


@pytest.mark.parametrize(("last", "right"), [("c\\1", 120_001), ("c-00000000", 120_000)])
def test_a_list_that_is_plain_at_its_beginning_alone_is_sent_once(tmp_path, last, right):
    path = tmp_path / "contacts.csv"
    path.write_text("contact_id\n" + "".join(f"c-{number:08}\n" for number in range(120_000)) + f"{last}\n")
    request, slowly = BytesIO(), BytesIO()

    lines = lines_aloud(Reading(path, skip_bad=True), request, 2)

    found = checked(path, slowly, 2, skip_bad=True)
    assert request.getvalue() == slowly.getvalue()
    assert (lines.digest, lines.links(2), lines.skipped) == (found.digest, 2 * right, 120_001 - right)
