"""Contacts as CSV in the body of a call, read as the command line reads them."""

import pytest

from tests.support.control import DOMAIN

SHOP = "https://shop.acme.example/o/{order}"
CSV = '\ufeffPhone;First Name;Order\r\n+4915112345;Zoë;17\r\n+4915112346;"Ada; Countess";18\r\n'


@pytest.fixture
def spring(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    control.call("PUT", "/v1/broadcasts/spring", {"short_domain": DOMAIN, "text": f"Hi {{first_name|there}}: {SHOP}"})
    return control


def send(control, csv, query="?map=contact_id%3DPhone", what="messages"):
    body = csv.encode() if isinstance(csv, str) else csv
    return control.call("POST", f"/v1/broadcasts/spring/{what}{query}", body, Content_Type="text/csv; charset=utf-8")


async def test_a_csv_file_gives_the_messages_of_its_contacts(spring):
    answer = send(spring, CSV)

    assert answer.status == 200, answer.body
    assert [line["contact_id"] for line in answer.body] == ["+4915112345", "+4915112346"]
    assert answer.body[1]["text"].startswith("Hi Ada; Countess: https://")


async def test_a_csv_file_gives_the_links_of_its_contacts(spring):
    answer = send(spring, CSV, what="links")

    assert [line["contact_id"] for line in answer.body] == ["+4915112345", "+4915112346"]


async def test_a_bad_line_is_named_by_its_line_in_the_file(spring):
    bad = CSV + ";Bob;19\r\n"

    refused = send(spring, bad)
    dry = send(spring, bad, "?map=contact_id%3DPhone&dry_run=true&skip_bad=true").body

    assert (refused.status, refused.body["line"], refused.body["field"]) == (422, 4, "contact_id")
    assert (dry["messages"], dry["skipped"], dry["errors"]) == (2, 1, [{"line": 4, "error": "contact_id is empty"}])


@pytest.mark.parametrize(
    ("csv", "query", "said"),
    [
        (CSV, "", "the CSV file: the column contact_id is missing; the header is 'Phone,First Name,Order'; "
                  "?map=contact_id=COLUMN says which one it is"),
        (CSV, "?map=contact_id%3DMobile", "?map=contact_id=Mobile: the column Mobile is missing"),
        (CSV, "?map=Phone", "?map=Phone: expected NAME=COLUMN"),
        (CSV, "?map=contact_id%3DPhone&encoding=nonsense", "encoding is 'nonsense'; expected such as"),
        ("Phone;Order\n", "?map=contact_id%3DPhone", "the CSV file has no contacts below its header"),
        (b"PK\x03\x04\x14\x00", "?map=contact_id%3DPhone", "it is no CSV file but a spreadsheet"),
        ("", "?map=contact_id%3DPhone", "the CSV file: line 1: it is empty"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_is_refused_with_what_is_wrong_and_what_helps(spring, csv, query, said):
    answer = send(spring, csv, query)

    assert answer.status == 422
    assert said in answer.body["detail"]


async def test_columns_of_lines_of_json_are_no_parameter(spring):
    answer = spring.call("POST", "/v1/broadcasts/spring/messages?map=contact_id%3DPhone", b'{"contact_id":"c-1"}\n')

    assert (answer.status, answer.body["field"]) == (422, "map")


async def test_the_same_key_with_other_columns_is_another_request(spring):
    csv = CSV.replace("Phone", "Mobile").replace("First Name", "Phone")

    first, other = (
        spring.call("POST", f"/v1/broadcasts/spring/links?map=contact_id%3D{column}", csv.encode(),
                    Content_Type="text/csv", Idempotency_Key="k")
        for column in ("Mobile", "Phone")
    )  # fmt: skip

    assert (first.status, other.status) == (200, 409)
