"""Contacts that tapped: searched, paged, narrowed."""

import pytest

from tests.support.click_rows import click
from tests.support.control import contacts


@pytest.fixture
async def tapped(control, clickhouse):
    control.broadcast(sent_at="2026-09-21T14:13:20Z")
    control.mint(contacts(6, audience="vip"))
    for number in range(5):
        await click(clickhouse, f"c-{number}", after_s=60 * number, audience="vip", device_type="phone", os="iOS")
    await click(clickhouse, "c-0", after_s=900, audience="vip", device_type="desktop", os="Windows")
    await click(clickhouse, "c-5", "preview", audience="vip")
    await click(clickhouse, "", visitor_id=7)
    return control


def ids(answer):
    assert answer.status == 200, answer.body
    return [item["contact_id"] for item in answer.body["items"]]


async def test_contacts_that_tapped_are_listed_the_latest_to_begin_first(tapped):
    answer = tapped.call("GET", "/v1/broadcasts/spring/contacts")

    assert ids(answer) == ["c-4", "c-3", "c-2", "c-1", "c-0"]
    assert answer.body["next_cursor"] is None
    assert answer.body["items"][-1] == {
        "contact_id": "c-0", "audience": "vip", "clicks": 2, "first_click_at": "2026-09-21T14:13:20Z",
        "last_click_at": "2026-09-21T14:28:20Z", "device_type": "phone", "os": "iOS",
    }  # fmt: skip


async def test_the_list_is_paged_and_stable_while_others_tap(tapped, clickhouse):
    first = tapped.call("GET", "/v1/broadcasts/spring/contacts?limit=2")
    await click(clickhouse, "c-9", after_s=9000)
    second = tapped.call("GET", f"/v1/broadcasts/spring/contacts?limit=2&cursor={first.body['next_cursor']}")
    third = tapped.call("GET", f"/v1/broadcasts/spring/contacts?limit=2&cursor={second.body['next_cursor']}")

    assert [ids(first), ids(second), ids(third)] == [["c-4", "c-3"], ["c-2", "c-1"], ["c-0"]]
    assert third.body["next_cursor"] is None


async def test_the_list_is_searched_and_narrowed(tapped):
    assert ids(tapped.call("GET", "/v1/broadcasts/spring/contacts?q=C-3")) == ["c-3"]
    assert ids(tapped.call("GET", "/v1/broadcasts/spring/contacts?q=%25")) == []
    assert ids(tapped.call("GET", "/v1/broadcasts/spring/contacts?device=desktop")) == ["c-0"]
    assert ids(tapped.call("GET", "/v1/broadcasts/spring/contacts?audience=new")) == []
    assert tapped.call("GET", "/v1/broadcasts/spring/contacts?cursor=x").status == 422
