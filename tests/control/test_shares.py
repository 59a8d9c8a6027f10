"""Shares: addresses that show one report without a key, until they expire or are revoked."""

from datetime import UTC, datetime, timedelta

import pytest

from control.access.share import Tokens, digest_of
from control.access.shares import MAX_SHARES
from tests.support.control import ACME, MAIN

PATH = "/v1/broadcasts/spring/shares"


def in_days(days):
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def test_a_share_is_shown_once_and_kept_as_a_digest(control, clickhouse):
    control.broadcast()

    made = control.call("POST", PATH, {"expires_at": in_days(7)})
    assert made.status == 201
    token = made.body["url"].rsplit("/s/", 1)[1]

    assert set(made.body) == {"share_id", "url", "expires_at"}
    assert made.body["url"].startswith(control.url)
    [row] = await clickhouse.rows("SELECT * FROM taptrail_internal.shares", dict)
    assert row["digest"] == digest_of(token)
    assert token not in str(row)
    [listed] = control.call("GET", PATH).body["items"]
    assert (listed["share_id"], set(listed)) == (
        made.body["share_id"], {"share_id", "created_at", "expires_at", "who"},
    )  # fmt: skip
    assert listed["who"]["account"] == "main"
    [change] = await clickhouse.rows("SELECT what, who_account FROM changes WHERE kind = 'share'", dict)
    assert change == {"what": "created", "who_account": "main"}


async def test_a_share_ends_when_it_is_revoked(control):
    control.broadcast()
    share_id = control.call("POST", PATH, {}).body["share_id"]

    assert control.call("DELETE", f"/v1/shares/{share_id}").status == 204

    assert control.call("GET", PATH).body == {"items": []}
    assert control.call("DELETE", f"/v1/shares/{share_id}").status == 404


async def test_only_its_account_and_those_above_revoke_a_share(control):
    control.broadcast()
    share_id = control.call("POST", PATH, {}).body["share_id"]

    assert control.call("DELETE", f"/v1/shares/{share_id}", key=ACME).status == 404
    assert control.call("POST", PATH, {}, key=ACME).status == 404
    assert control.call("DELETE", f"/v1/shares/{share_id}", key=MAIN).status == 204


@pytest.mark.parametrize("days", [-1, 400])
async def test_a_share_ends_within_a_year(control, days):
    control.broadcast()

    answer = control.call("POST", PATH, {"expires_at": in_days(days)})

    assert (answer.status, answer.body["field"]) == (422, "expires_at")


async def test_a_broadcast_has_a_bounded_number_of_shares(control, clickhouse):
    control.broadcast()
    row = {
        "account": "main", "broadcast_id": "spring", "created_at_ms": 1, "expires_at_ms": 2**60, "version": 1,
    }  # fmt: skip
    rows = [{**row, "share_id": str(number), "digest": str(number)} for number in range(MAX_SHARES)]
    await clickhouse.insert_rows("taptrail_internal.shares", rows)

    answer = control.call("POST", PATH, {})

    assert answer.status == 409
    assert f"{MAX_SHARES} shares" in answer.body["detail"]


@pytest.mark.pure
def test_a_token_that_was_never_made_is_known_by_itself():
    tokens, others = Tokens(bytes(16)), Tokens(bytes(15) + b"1")
    token = tokens.make()

    assert tokens.is_one(token)
    assert not others.is_one(token)
    other = "A" if token[0] != "A" else "B"
    for wrong in ("", token[:-1], token + "A", other + token[1:], token[:-1] + "%", "\N{BULLET}" * 48, "A" * 48):
        assert not tokens.is_one(wrong), wrong
