import csv
import io
import json

import pytest

from tests.support.click_rows import click
from tests.support.control import DOMAIN, SHOP, contacts


def csv_of(done):
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


async def test_broadcasts_are_listed_whole_however_many_there_are(taptrail, control, clickhouse):
    control.broadcast("first", keyword="SALE")
    await clickhouse.execute(
        "INSERT INTO broadcasts"
        " (broadcast_no, account, broadcast_id, short_domain, destinations, audiences, version)"
        " SELECT number + 100, 'main', concat('b-', toString(number)), 'go.acme.example', ['https://a.example/'],"
        " [''], 1"
        " FROM numbers(1500)"
    )

    table = await taptrail("broadcast", "list")
    found = csv_of(await taptrail("broadcast", "list", "--csv"))
    few = json.loads((await taptrail("broadcast", "list", "--limit", "2", "--json")).stdout)

    assert len(table.stdout.splitlines()) == 1502  # and the header
    assert "│" not in table.stdout
    assert [row["broadcast_id"] for row in found[:2]] == ["b-1499", "b-1498"] == [row["broadcast_id"] for row in few]
    assert found[-1]["broadcast_id"] == "first"


async def test_a_broadcast_is_archived_brought_back_and_deleted(taptrail, control):
    control.broadcast("typo")

    await taptrail("broadcast", "archive", "typo")
    archived = await taptrail("broadcast", "list", "--state", "archived")
    none = await taptrail("broadcast", "list")
    await taptrail("broadcast", "archive", "typo", "--undo")
    back = await taptrail("broadcast", "list")
    deleted = await taptrail("broadcast", "delete", "typo")

    assert "typo" in archived.stdout
    assert none.stdout == "No such broadcast.\n"
    assert "typo" in back.stdout
    assert deleted.stdout == "Broadcast typo is deleted.\n"


async def test_domains_and_shared_links_are_listed(taptrail, control):
    control.broadcast()
    control.call("POST", "/v1/links", {"short_domain": DOMAIN, "destination": SHOP[:-14], "slug": "SALE"})

    assert DOMAIN in (await taptrail("domain", "list")).stdout
    (link,) = csv_of(await taptrail("link", "list", "--domain", DOMAIN, "--csv"))
    assert (link["short_url"], link["state"]) == (f"https://{DOMAIN}/SALE", "live")


@pytest.mark.parametrize(
    "contact_id", ["山田👩\u200d💻", "Müller/1", "محمد@mail.example", "می\u200cخواهم", "李, 小龍", "%2e"]
)
async def test_a_contact_of_any_script_is_shown(taptrail, control, contact_id):
    control.broadcast()
    control.mint([{"contact_id": contact_id}])

    shown = await taptrail("contact", "show", contact_id)

    assert (shown.returncode, shown.stdout.splitlines()[0]) == (0, f"Links of {contact_id}"), shown.stderr


async def test_clicks_and_a_contact_are_shown(taptrail, control, clickhouse):
    control.broadcast()
    control.mint(contacts(2))
    await click(clickhouse, "c-1", user_agent="\x1b[31mred", query_marks={"utm_source": "mail", "gclid": "a"})
    await click(clickhouse, "c-0", "bot", after_s=70)

    found = csv_of(await taptrail("clicks", "--broadcast", "spring", "--csv"))
    people = await taptrail("clicks", "--broadcast", "spring", "--class", "human", "--json")
    shown = await taptrail("contact", "show", "c-1")

    assert [row["contact_id"] for row in found] == ["c-0", "c-1"]
    assert found[1]["user_agent"] == "\\u001b[31mred"
    assert [row["query_marks"] for row in found] == ["", '{"utm_source": "mail", "gclid": "a"}']
    assert [row["contact_id"] for row in json.loads(people.stdout)] == ["c-1"]
    assert shown.stdout.startswith("Links of c-1\n")
    assert f"https://{DOMAIN}/" in shown.stdout
