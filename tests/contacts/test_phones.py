import io

import pytest

from contacts.csv_form import csv_form
from contacts.phones import phone_warnings
from contacts.reader import read_contacts


def warnings(*contact_ids, header="contact_id"):
    file = io.BytesIO("\n".join([header, *contact_ids]).encode())
    form = csv_form(file, {"contact_id": header})
    return phone_warnings(read_contacts(file, form, 1, skip_bad=False), form.header.contact_column)


def test_three_spellings_of_one_number_are_named_by_line():
    said = warnings("+49 151 61234567", "+14155550100", "+49-151-6123-4567", "004915161234567")

    assert [text.partition(" is")[0] for text in said] == [
        "line 4: contact '+49-151-6123-4567'", "line 5: contact '004915161234567'",
    ]  # fmt: skip
    assert all("the number '+49 151 61234567' of line 2 in another spelling" in text for text in said)


def test_many_spellings_are_counted_and_the_first_ones_named():
    said = warnings(*(f"+4915161230{number:03}" for number in range(100)), *(f"+49 15161230{n:03}" for n in range(100)))

    assert len(said) == 6
    assert said[-1].startswith("95 more lines")


@pytest.mark.parametrize(
    "contact_ids",
    [
        ("c-1", "c-2"),
        ("+4915161234567", "+4915161234568"),
        ("0012345", "12345"),
        ("1-23", "12-3"),
        ("51234567890", "51234567891"),
        ("4155550100", "4155550101"),
    ],
)
def test_what_is_no_number_or_another_one_is_no_warning(contact_ids):
    assert warnings(*contact_ids) == []


def test_numbers_that_lost_their_plus_are_named_in_one_line():
    lost = warnings("4915161234567", "4915161234568", header="Mobile phone")
    some = warnings("+4915161234567", "33612345678")

    assert len(lost) == 1
    assert lost[0].startswith("line 2 (and 1 more lines): contact '4915161234567' has no + in front")
    assert some[0].startswith("line 3: contact '33612345678' has no + in front")


ODD = (
    "+٤٩١٥١٦١٢٣٤٥٦٧", "۰۰۴۹۱۵۱۶۱۲۳۴۵۶۷", "＋４９１５１６１２３４５６７", "+४९१५१६१२३४५६७",
    "\u202a+4915161234567\u202c", "\u200e+49 151 61234567",
    "\ufeff+4915161234567", "+49\u00ad15161234567", "'+4915161234567", "tel:+4915161234567", "TEL:+49-151-61234567",
    '="+4915161234567"',
)  # fmt: skip
PLAIN_SPELLINGS = ("+49\u00a0151\u202f61234567", "+49\u2011151\u221261234567", "+49·151·61234567", "+49　151　61234567")


@pytest.mark.parametrize("contact_id", ODD, ids=ascii)
def test_a_number_in_other_digits_or_with_marks_is_the_same_number_and_is_named(contact_id):
    spelled, odd = warnings("+4915161234567", '"' + contact_id.replace('"', '""') + '"')

    assert spelled.startswith(f"line 3: contact {contact_id!a} is the number '+4915161234567' of line 2")
    assert odd.startswith(f"line 3: contact {contact_id!a} is a number in characters that senders may not read")
    assert odd.endswith(("+4915161234567", "+49 151 61234567", "+49-151-61234567", "004915161234567"))


@pytest.mark.parametrize("contact_id", PLAIN_SPELLINGS, ids=ascii)
def test_spaces_and_dashes_of_any_script_are_another_spelling(contact_id):
    assert len(warnings("+4915161234567", contact_id)) == 1


@pytest.mark.parametrize("contact_id", ["李", "محمد", "c-٤٢", "Ünal", "'quoted'", "tel:abc", "\u200ec-1", "١٢٣", "'12"])
def test_an_id_that_is_no_number_is_not_named(contact_id):
    assert warnings("c-1", contact_id) == []


def test_a_column_of_numbers_is_known_in_many_languages():
    for header in (
        "電話番号",
        "手机号",
        "휴대폰",
        "جوال",
        "נייד",
        "मोबाइल",
        "โทร.",
        "Κινητό",
        "Điện thoại",
        "Téléphone",
    ):
        assert "has no + in front" in warnings("4915161234567", header=header)[0]
