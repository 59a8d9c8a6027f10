"""A file is read as RFC 4180 says, or refused."""

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.bad_lines import BadContact
from contacts.columns import BadHeader
from contacts.csv_form import csv_form, field_name
from contacts.csv_records import MAX_RECORD, Splitter
from contacts.encoding import PIECE_BYTES
from contacts.encoding_names import encoding_named
from contacts.fields import NO_FIELDS, FieldNeeds
from contacts.reader import read_contacts
from tests.contacts.exports import EXPORTS

FIRST_NAME = FieldNeeds(frozenset({"first_name"}))


def read(content, mapping=None, needs=NO_FIELDS, *, skip_bad=False, said=None):
    """(the form, the contacts)."""
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    form = csv_form(file, mapping or {}, needs, said)
    return form, read_contacts(file, form, 1, skip_bad=skip_bad, needs=needs)


def ids(content, **options):
    return read(content, **options)[1].contact_ids.to_pylist()


def bad_lines(contacts):
    return [bad.line for bad in contacts.bad]


@pytest.mark.parametrize("export", EXPORTS, ids=[export.name for export in EXPORTS])
def test_what_programs_export_is_read(export):
    form, contacts = read(export.content, export.mapping, FIRST_NAME)

    audiences = [contacts.audiences[no] for no in contacts.audience_nos]
    names = [fields["first_name"] for fields in contacts.fields_of(slice(None))]
    found = list(zip(contacts.line_nos, contacts.contact_ids.to_pylist(), audiences, names, strict=True))
    assert found == export.lines
    assert form.encoding.name == export.encoding


def test_a_quoted_line_end_is_part_of_its_record_and_makes_no_contact():
    content = 'contact_id,note\nc-1,"one\r\nc-2,two\n"\nc-3,\n'

    _, contacts = read(content, skip_bad=True)

    assert contacts.contact_ids.to_pylist() == ["c-1", "c-3"]
    assert list(contacts.line_nos) == [2, 5]


def test_a_bad_record_is_left_out_whole():
    content = 'contact_id,note\nc-1,"one\nc-9,two",three\nc-2,"a" b,"\nc-9,"\nc-3,5" pipe\nc-4,ok\n'

    _, contacts = read(content, skip_bad=True)

    assert contacts.contact_ids.to_pylist() == ["c-4"]
    assert bad_lines(contacts) == [2, 4, 6]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('contact_id,note\nc-1,"one\nc-2,two\n', "line 2: a quote is opened and not closed"),
        (f'contact_id,note\nc-1,ok\nc-2,"{"x" * 10}' + "\nc-9," * 20_000 + '"\n', "line 3: a quote is opened and not"),
    ],
)
def test_records_that_cannot_be_told_apart_are_refused_also_where_bad_lines_are_skipped(content, said):
    for skip_bad in (False, True):
        with pytest.raises(BadContact, match=said):
            read(content, skip_bad=skip_bad)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ('c-2,5" pipe', "has a quote"),
        ('c-2,"a"b', "goes on after its closing quote"),
        ("c-2", "it has 1 fields, the header has 2"),
        ("c-2,a,b", "it has 3 fields, the header has 2"),
        ("c-2,a\0", "U+0000"),
        ("c-2,a\rb", "carriage return"),
        ("contact_id,note", "it is the header again"),
        (",a", "contact_id is empty"),
        ("", "it is empty"),
        ("4.91516E+12,a", "a number that a spreadsheet shortened"),
        ('"4,91516E+12",a', "a number that a spreadsheet shortened"),
        ("4915161234567.0,a", "a number that a spreadsheet shortened"),
        ("c-2," + "a" * MAX_RECORD, "it is too long"),
    ],
)
def test_a_bad_record_is_named_by_its_line(record, said):
    content = f'contact_id,note\nc-1,"two\nlines"\n{record}\nc-3,\n'

    with pytest.raises(BadContact) as refused:
        read(content)
    _, contacts = read(content, skip_bad=True)

    assert (refused.value.line, said in str(refused.value)) == (4, True), str(refused.value)
    assert (contacts.contact_ids.to_pylist(), bad_lines(contacts)) == (["c-1", "c-3"], [4])


@pytest.mark.parametrize("contact_id", ["1e5-x", "v1.0", "a.0", "2E", "4915161234567", "c+e+d", "12.50", "1E+"])
def test_an_id_that_only_resembles_a_shortened_number_is_taken(contact_id):
    assert ids(f"contact_id\n{contact_id}\n") == [contact_id]


@pytest.mark.parametrize(
    ("content", "mapping", "said"),
    [
        ("", {}, "line 1: it is empty"),
        ("\n\n", {}, "line 1: it is empty"),
        ("Phone,Name\n1,a\n", {}, "the column contact_id is missing; the header is 'Phone,Name'; --map contact_id="),
        ("Phone,Name\n1,a\n", {"contact_id": "Mobile"}, "the column Mobile is missing; the header is 'Phone,Name'"),
        ("Phone,phone,Phone\n1,2,3\n", {"contact_id": "Phone"}, "the column Phone is in the header twice"),
        ("contact_id,Order,order\n1,2,3\n", {}, "the column order is in the header twice"),
        ("contact_id,a\n1,2\n", {"First Name": "a"}, "'First Name' is no name of a field"),
        ('"contact_id,a\n1,2\n', {}, "line 1: a quote in the header is opened and not closed"),
        ('con"tact_id,a"\n1,2\n', {}, "has a quote"),
        ("sep=x\ncontact_id\n1\n", {}, "sep='x'; expected one of"),
        ("contact_id\ra\r", {}, "carriage return"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\n", {}, "a spreadsheet"),
    ],
)
def test_a_bad_header_says_what_would_be_right(content, mapping, said):
    with pytest.raises(BadHeader) as refused:
        read(content, mapping, FieldNeeds(frozenset({"order"})))

    assert said in str(refused.value)


def test_a_header_alone_has_no_contacts():
    assert ids("contact_id,audience\n") == ids("contact_id,audience") == []


def test_three_hundred_columns_are_read_and_those_not_used_are_known():
    header = ",".join(["contact_id", *(f"Column {number}" for number in range(299))])

    form, contacts = read(header + "\nc-1" + ",x" * 299 + "\n", needs=FieldNeeds(frozenset({"column_7"})))

    assert contacts.fields_of(slice(None)) == [{"column_7": "x"}]
    assert len(form.header.unused) == 298


def test_columns_that_are_not_named_may_hold_anything_and_be_there_twice():
    content = 'contact_id,Note,Note,First Name\nc-1,"\u202e\n\x07","' + "x" * 5_000 + '",Ada\n'

    form, contacts = read(content, needs=FIRST_NAME)

    assert contacts.fields_of(slice(0, 1)) == [{"first_name": "Ada"}]
    assert form.header.unused == ["Note", "Note"]


def test_a_field_that_is_named_keeps_the_rules_of_fields():
    with pytest.raises(BadContact, match="line 2: field first_name has a control character"):
        read('contact_id,First Name\nc-1,"A\nda"\n', needs=FIRST_NAME)


@pytest.mark.parametrize(
    ("header", "name"),
    [("First Name", "first_name"), ("E-Mail (work)", "e_mail_work_"), ("ORDER", "order"), ("Straße", "stra_e")],
)  # fmt: skip
def test_a_header_is_a_field_in_lower_case_with_others_as_one_underscore(header, name):
    assert field_name(header) == name


def test_utf_16_without_its_mark_and_with_the_other_order_are_read():
    text = "contact_id;audience\r\nzoë;vip\r\n"

    for codec in ("utf-16-le", "utf-16-be"):
        assert ids(text.encode(codec)) == ids(text.encode("utf-16")) == ["zoë"]
    assert ids(b"\xfe\xff" + text.encode("utf-16-be")) == ["zoë"]


LISTS = {
    "山田太郎 鈴木一郎": "shift_jis euc-jp iso-2022-jp",
    "ﾔﾏﾀﾞ ﾀﾛｳ": "shift_jis",
    "张伟 王芳": "gb18030 gbk big5",
    "김민수 이영희": "euc-kr cp949",
    "محمد أحمد": "windows-1256 iso-8859-6",
    "דוד שרה": "windows-1255",
    "Γιώργος Μαρία": "windows-1253 iso-8859-7",
    "Иван Мария": "windows-1251 koi8-r",
    "สมชาย สมหญิง": "windows-874 tis-620",
}


@pytest.mark.parametrize(
    ("names", "encoding"), [(names, each) for names, all_ in LISTS.items() for each in all_.split()]
)
def test_letters_of_other_scripts_are_not_taken_for_western_ones_and_are_read_as_said(names, encoding):
    said = encoding_named(encoding)
    if encoding == "big5":
        names = "張偉 王芳"
    rows = [f"c-{number},{name}" for number, name in enumerate(names.split() * 40)]
    content = "\r\n".join(["contact_id,first_name", *rows]).encode(said.codec)

    with pytest.raises(BadHeader, match="neither UTF-8 nor Windows-1252; export it as CSV in UTF-8, or name"):
        read(content)
    form, contacts = read(content, needs=FIRST_NAME, said=said)

    assert [fields["first_name"] for fields in contacts.fields_of(slice(None))] == names.split() * 40
    assert form.encoding.name == encoding


def test_windows_1252_is_a_guess_that_shows_a_word():
    form, _ = read("contact_id,first_name\nc-1,Ayşe\nc-2,“Ö…”\n".encode("cp1254"))

    assert (form.encoding.name, form.encoding.guessed_from) == (
        "Windows-1252",
        "Ayþe".encode("cp1252").decode("cp1252"),
    )
    assert read("contact_id\nzoë\n", said=encoding_named("cp1254"))[0].encoding.guessed_from == ""


def test_a_mark_is_believed_before_what_was_said():
    assert ids("\ufeffcontact_id\nzoë\n", said=encoding_named("shift_jis")) == ["zoë"]
    assert ids("\ufeffcontact_id\nzoë\n", said=encoding_named("utf-8")) == ["zoë"]
    assert ids("contact_id\nzoë\n".encode("utf-16"), said=encoding_named("utf-16")) == ["zoë"]


@pytest.mark.parametrize("name", ["", "rot13", "base64", "idna", "utf-7", "unicode_escape", "klingon", "\0", "x" * 99])
def test_what_is_no_encoding_of_characters_is_none(name):
    assert encoding_named(name) is None


def test_utf_16_without_its_mark_is_read_also_where_letters_have_zeros():
    rows = "".join(f"+8190123456{number:02},一山\u3000\u0300,\r\n" for number in range(90))

    for codec in ("utf-16-le", "utf-16-be"):
        assert len(ids(("電話番号,氏名,x\r\n" + rows).encode(codec), mapping={"contact_id": "電話番号"})) == 90


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Te\u0301le\u0301phone,Nom", "Téléphone"),
        ("Téléphone,Nom", "Te\u0301le\u0301phone"),
        ("\u200fטלפון\u200e,שם", "טלפון"),
        ("ＴＥＬ,氏名", "tel"),
        ("ΤΗΛΈΦΩΝΟ,Όνομα", "τηλέφωνο"),
        ("Phone Number,Nom", "phone_number"),
        ("Straße,Nom", "stra_e"),
    ],
)
def test_a_column_is_found_by_its_header_as_it_reads(header, column):
    assert ids(f"{header}\nc-1,x\n", mapping={"contact_id": column}) == ["c-1"]


@pytest.mark.parametrize("column", ["電話", "名前", "_", "Имя"])
def test_a_column_is_not_taken_for_another_one_in_its_script(column):
    with pytest.raises(BadHeader, match="is missing; the header is"):
        ids("電話番号,x,Straße\nc-1,x,y\n", mapping={"contact_id": column})


def test_damaged_utf_8_is_not_taken_for_another_encoding():
    content = b"contact_id\nzo\xc3\xab\n" + b"c-%d\n" * 3 % (1, 2, 3) + b"b\xff\nc-9\n"

    form, contacts = read(content, skip_bad=True)

    assert (form.encoding.name, bad_lines(contacts)) == ("UTF-8", [6])


def test_characters_and_records_that_lie_across_two_pieces_are_whole():
    header, end = b"contact_id,note\n", 'ä-1,"x\nöö\n\n""y"""\nd-1,z\n'.encode()
    for shift in range(len(end) + 1):
        before = PIECE_BYTES - len(header) - shift
        count = before // 50_000
        sizes = [before // count] * (count - 1) + [before // count + before % count]
        names = [b"c-%02d" % number for number in range(count)]
        filler = [name + b"," + b"y" * (size - 6) + b"\n" for name, size in zip(names, sizes, strict=True)]
        assert len(header + b"".join(filler)) == PIECE_BYTES - shift
        contacts = ids(header + b"".join(filler) + end)
        assert contacts == [*(name.decode() for name in names), "ä-1", "d-1"]


ENDS, CODECS = st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
CELLS = st.lists(st.lists(st.text('a,;"\n\r\t|é', max_size=6), min_size=1, max_size=3), min_size=1, max_size=12)


@settings(max_examples=200)
@given(CELLS, st.sampled_from(",;\t|"), ENDS, CODECS)
def test_what_python_writes_by_the_rfc_gives_the_same_records(rows, delimiter, end, codec):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["contact_id", "a", "b", "c"])
    for number, row in enumerate(rows):
        writer.writerow([f"c-{number}", *row, *[""] * (3 - len(row))])

    found = read(text.getvalue().encode(codec))[1]

    assert found.contact_ids.to_pylist() == [f"c-{number}" for number in range(len(rows))]


def test_a_record_of_many_lines_costs_what_its_characters_do():
    def seconds(lines):
        record = ['c-1,"', *["a"] * lines, '"']
        started = time.process_time()
        for _ in range(5):
            assert list(Splitter(",").batches(["\n".join(record) + "\n"], 1))
        return time.process_time() - started

    few, many = min(seconds(1_000) for _ in range(3)), min(seconds(16_000) for _ in range(3))

    assert many < 64 * few, "16 times the lines are 16 times the work, and were 256 times"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_without_quotes_are_read_as_those_with_them(end, last):
    rows = [["contact_id", "audience", "x"], [" c-1", "vip ", "1"], ["c-2", "", "a b"], ["c-3", "new", ""]]
    plain = end.join(",".join(row) for row in rows) + (end if last else "")
    quoted = end.join(",".join(f'"{cell}"' for cell in row) for row in rows) + (end if last else "")

    found, expected = read(plain)[1], read(quoted)[1]

    assert found.contact_ids.to_pylist() == expected.contact_ids.to_pylist() == ["c-1", "c-2", "c-3"]
    assert (found.audiences, found.audience_nos) == (expected.audiences, expected.audience_nos)
    assert found.line_nos == expected.line_nos
