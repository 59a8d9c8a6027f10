"""The page /reports/{id}/shares as a browser without a script uses it."""

import re
from urllib.parse import urlencode

import pytest

from tests.control.pages.test_sessions import ask, signed_in

PAGE, API = "/reports/spring/shares", "/v1/broadcasts/spring/shares"
DAY_S = 86_400


def post(control, cookie, path=PAGE, **fields):
    return ask(control, "POST", path, urlencode(fields), Cookie=cookie)


@pytest.mark.parametrize("days", [7, 30, 90])
async def test_a_share_is_made_for_the_days_that_were_chosen_and_shown_once(control, clickhouse, days):
    control.broadcast()
    cookie = signed_in(control)

    status, headers, text = post(control, cookie, days=days)

    assert (status, headers["Cache-Control"]) == (201, "no-store")
    [url] = re.findall(rf'value="({control.url}/s/[^"]+)"', text)
    assert ask(control, "GET", url.removeprefix(control.url))[0] == 200
    [row] = await clickhouse.rows("SELECT * FROM taptrail_internal.shares", dict)
    assert int(row["expires_at_ms"]) - int(row["created_at_ms"]) == pytest.approx(days * DAY_S * 1000, abs=5_000)
    assert "/s/" not in ask(control, "GET", PAGE, Cookie=cookie)[2]


@pytest.mark.parametrize("fields", [{"days": "8"}, {"days": "-7"}, {"days": ""}, {"days": "7\r\n"}, {}])
async def test_a_time_that_is_not_offered_makes_nothing(control, fields):
    control.broadcast()

    status, _, text = post(control, signed_in(control), **fields)

    assert (status, "choose one of them" in text) == (422, True)
    assert control.call("GET", API).body == {"items": []}


async def test_it_says_by_which_key_a_share_was_made_and_leaves_out_what_is_over(control, clickhouse):
    control.broadcast()
    key = control.call("POST", "/v1/keys", {"name": "ann <b>", "scopes": ["report", "manage"]}).body
    control.call("POST", API, {}, key=key["key"])
    row = {"account": "main", "broadcast_id": "spring", "created_at_ms": 1_700_000_000_000, "version": 1}
    over = {**row, "share_id": "over", "digest": "1", "expires_at_ms": 1_700_000_001_000}
    unrecorded = {**row, "share_id": "older", "digest": "2", "expires_at_ms": 2**42}
    await clickhouse.insert_rows("taptrail_internal.shares", [over, unrecorded])

    text = ask(control, "GET", PAGE, Cookie=signed_in(control))[2]

    assert text.count('name="revoke"') == 2
    assert "ann &lt;b&gt;" in text
    assert "not recorded" in text
    assert [one["who"] for one in control.call("GET", API).body["items"]] == [
        None, {"account": "main", "key": key["key_id"]},
    ]  # fmt: skip


async def test_a_share_that_was_revoked_elsewhere_is_said_to_be_gone(control):
    control.broadcast()
    cookie, share_id = signed_in(control), control.call("POST", API, {}).body["share_id"]

    first, second = post(control, cookie, revoke=share_id), post(control, cookie, revoke=share_id)

    assert (first[0], first[1]["Location"]) == (303, f"{PAGE}?account=main&revoked=1")
    assert "is revoked" in ask(control, "GET", first[1]["Location"], Cookie=cookie)[2]
    assert second[0] == 404
    assert "has no share" in second[2]


async def test_a_key_that_may_only_read_sees_the_list_and_is_told_what_it_lacks(control):
    control.broadcast()
    share_id = control.call("POST", API, {}).body["share_id"]
    reader = control.call("POST", "/v1/keys", {"name": "reader", "scopes": ["report"]}).body["key"]
    cookie = signed_in(control, reader)

    text = ask(control, "GET", PAGE, Cookie=cookie)[2]

    assert "needs a key with the scope <code>manage</code>" in text
    assert "Links that work now" in text
    assert 'name="days"' not in text
    assert share_id not in text
    assert post(control, cookie, days=30)[0] == 403
    assert post(control, cookie, revoke=share_id)[0] == 403
    assert len(control.call("GET", API).body["items"]) == 1


async def test_another_account_neither_sees_nor_makes_nor_revokes_a_share(control):
    control.broadcast()
    share_id = control.call("POST", API, {}).body["share_id"]
    other = control.call(
        "POST", "/v1/keys", {"name": "other", "account": "main/sub", "scopes": ["report", "manage"]}
    ).body["key"]
    cookie = signed_in(control, other)

    assert ask(control, "GET", f"{PAGE}?account=main", Cookie=cookie)[0] == 404
    for path in (PAGE, f"{PAGE}?account=main"):
        assert post(control, cookie, path, days=30)[0] == 404
        assert post(control, cookie, path, revoke=share_id)[0] == 404
    assert len(control.call("GET", API).body["items"]) == 1


async def test_a_form_of_another_site_makes_nothing(control):
    control.broadcast()

    status, *_ = ask(control, "POST", PAGE, "days=30", Cookie=signed_in(control), Sec_Fetch_Site="cross-site")

    assert status == 403
    assert control.call("GET", API).body == {"items": []}


async def test_without_a_session_a_form_leads_to_the_sign_in_and_back_to_the_page(control):
    control.broadcast()

    status, headers, _ = post(control, "")

    assert (status, headers["Location"]) == (303, "/login?next=%2Freports%2Fspring%2Fshares")
