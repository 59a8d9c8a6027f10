"""Keys as the API makes, lists and revokes them, on one control process and on several, with a store away."""

import asyncio
import time
from uuid import uuid4

import pytest

from control.access.api_key import ApiKey
from control.access.keys import MAX_KEYS
from records.keys import KEY_NEWS
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.control import ACME, KEYS, MAIN, SEATTLE
from tests.support.eventually import eventually, wait_until

NO_STORE = "/v1/keys?limit=0"  # refused, for want of a key (401) or for its limit (422), without asking a store
FULL = "full-key-0123456789"  # of an account that no other test knows: the session's process learns all keys
ALL = ["report", "mint", "manage", "admin"]


@pytest.fixture
def account():
    """An account that no other test has keys in: a control process outlives the stores of a test."""
    return f"acme/{uuid4().hex[:8]}"


def made(control, account, scopes=ALL, key=ACME, **more):
    answer = control.call("POST", "/v1/keys", {"account": account, "scopes": list(scopes), **more}, key)
    assert answer.status == 201, answer.body
    return answer.body


def status(control, key, path="/v1/keys"):
    return control.call("GET", path, key=key).status


async def test_a_key_is_shown_once_and_kept_hashed(control, clickhouse, account):
    body = {"account": account, "name": "crm", "scopes": ["manage", "report", "report"]}

    answer = control.call("POST", "/v1/keys", body, ACME)

    assert answer.status == 201
    assert list(answer.body) == ["key_id", "account", "name", "scopes", "created_at", "key"]
    assert (answer.body["account"], answer.body["name"]) == (account, "crm")
    assert answer.body["scopes"] == ["report", "manage"]
    assert status(control, answer.body["key"]) == 200
    (listed,) = control.call("GET", f"/v1/keys?account={account}", key=ACME).body["items"]
    assert listed == {name: value for name, value in answer.body.items() if name != "key"}
    assert answer.body["key"] not in str(await clickhouse.rows("SELECT * FROM taptrail_internal.api_keys", dict))


async def test_a_key_makes_keys_for_its_own_account_and_below_with_no_scope_that_it_lacks(control, account):
    admin = made(control, account, ["admin", "mint"])["key"]

    below = control.call("POST", "/v1/keys", {"account": f"{account}/shop", "scopes": ["mint"]}, admin)
    own = control.call("POST", "/v1/keys", {"scopes": ["admin"]}, admin)
    more = control.call("POST", "/v1/keys", {"scopes": ["mint", "manage"]}, admin)
    beside = control.call("POST", "/v1/keys", {"account": "acme/other", "scopes": ["mint"]}, admin)
    above = control.call("POST", "/v1/keys?account=acme", {"scopes": ["mint"]}, admin)

    assert (below.status, below.body["account"]) == (201, f"{account}/shop")
    assert (own.status, own.body["account"]) == (201, account)
    assert (more.status, more.body["scope"]) == (403, "manage")
    assert (beside.status, above.status) == (404, 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes[0]"),
        ({}, "scopes"),
        ({"scopes": ["mint"], "name": "x\x1b[2J"}, "name"),
        ({"scopes": ["mint"], "name": "x" * 201}, "name"),
        ({"scopes": ["mint"], "account": "ACME/x"}, "account"),
        ({"scopes": ["mint"], "key": "chosen"}, "key"),
    ],
)
async def test_a_key_that_cannot_be_made_is_refused_by_the_name_of_the_field(control, body, field):
    answer = control.call("POST", "/v1/keys", body, ACME)

    assert (answer.status, answer.body["field"]) == (422, field)


async def test_the_list_has_pages_and_what_is_below_the_account(control, account):
    keys = [made(control, f"{account}/shop", ["mint"], name=str(number))["key_id"] for number in range(5)]
    path = f"/v1/keys?account={account}&limit=2"

    pages, cursor = [], ""
    while cursor is not None:
        page = control.call("GET", f"{path}{cursor and f'&cursor={cursor}'}", key=ACME).body
        pages.append([item["key_id"] for item in page["items"]])
        cursor = page["next_cursor"]

    assert pages == [keys[:2], keys[2:4], keys[4:]]


async def test_a_key_is_rotated_without_a_gap(control, account):
    old = made(control, account)

    new = made(control, account, key=old["key"])
    both = [status(control, key["key"]) for key in (old, new)]
    revoked = control.call("DELETE", f"/v1/keys/{old['key_id']}", key=new["key"])

    assert both == [200, 200]
    assert (revoked.status, revoked.body) == (204, "")
    assert [status(control, key["key"]) for key in (old, new)] == [401, 200]


async def test_who_made_and_revoked_a_key_is_in_the_log_and_no_digest(control, clickhouse, account):
    admin = made(control, account, name="admin")
    key = made(control, account, ["mint"], admin["key"], name="crm")

    control.call("DELETE", f"/v1/keys/{key['key_id']}", key=admin["key"])

    columns = "what, who_account, who_key, before, after"
    query = f"SELECT {columns} FROM change_log FINAL WHERE name = {{id:String}} ORDER BY written"
    created, revoked = await clickhouse.rows(query, dict, id=key["key_id"])
    shown = f'{{"account":"{account}","name":"crm","scopes":["mint"]}}'
    by = {"who_account": account, "who_key": admin["key_id"]}
    assert created == {"what": "created", "before": "", "after": shown, **by}
    assert revoked == {"what": "revoked", "before": shown, "after": "", **by}


async def test_a_key_of_another_account_cannot_be_revoked(control, account):
    key = made(control, account)
    path = f"/v1/keys/{key['key_id']}"

    assert [control.call("DELETE", path, key=other).status for other in (MAIN, SEATTLE)] == [404, 404]
    assert control.call("DELETE", f"{path}?account=acme/seattle", key=ACME).status == 404
    assert status(control, key["key"]) == 200
    assert control.call("DELETE", path, key=ACME).status == 204
    assert control.call("DELETE", path, key=ACME).status == 404


async def test_a_key_of_the_environment_is_taken_out_there(control):
    answer = control.call("DELETE", "/v1/keys/env-0123abcd", key=ACME)

    assert answer.status == 409
    assert "TAPTRAIL_API_KEYS" in answer.body["detail"]


@pytest.fixture
async def two(controls, valkey_url, clickhouse):
    """Two control processes on the same stores."""
    return [await asyncio.to_thread(controls, valkey_url) for _ in range(2)]


async def test_an_account_and_those_below_it_have_a_thousand_keys_at_most(controls, valkey_url, clickhouse):
    now_ms = time.time_ns() // 1_000_000
    rows = [ApiKey(f"{no}", f"full/{no % 7}", "", ("mint",), f"{no}", no, 0, now_ms) for no in range(MAX_KEYS - 1)]
    await clickhouse.insert_rows("taptrail_internal.api_keys", rows)
    control = await asyncio.to_thread(controls, valkey_url, TAPTRAIL_API_KEYS=f"{KEYS},full:{FULL}")

    answers = [control.call("POST", "/v1/keys", {"account": f"full/{no}", "scopes": ["mint"]}, FULL) for no in "xy"]
    others = control.call("POST", "/v1/keys", {"scopes": ["mint"]}, MAIN)

    assert [answer.status for answer in answers] == [201, 409]
    assert "1000 keys" in answers[1].body["detail"]
    assert others.status == 201
    assert control.call("DELETE", "/v1/keys/7", key=FULL).status == 204
    assert made(control, "full/y", ["mint"], FULL)


async def test_a_key_is_in_force_and_void_on_every_control_process_within_a_second(two, account):
    one, other = two
    key = made(one, account)

    wait_until(lambda: status(other, key["key"]), equals=200, within_s=1)
    assert other.call("DELETE", f"/v1/keys/{key['key_id']}", key=ACME).status == 204
    wait_until(lambda: status(one, key["key"]), equals=401, within_s=1)


async def test_a_control_process_that_starts_later_knows_keys_and_none_that_were_revoked(
    two, controls, valkey_url, account
):
    kept, revoked = made(two[0], account), made(two[0], account)
    two[0].call("DELETE", f"/v1/keys/{revoked['key_id']}", key=ACME)

    late = await asyncio.to_thread(controls, valkey_url)

    assert [status(late, key["key"]) for key in (kept, revoked)] == [200, 401]


@pytest.mark.parametrize("away", ["cut", "silence"])
async def test_a_key_is_revoked_everywhere_while_redis_is_away(valkey_url, redis, controls, clickhouse, account, away):
    async with BlackholeProxy(valkey_url).running() as path:
        one, other = [await asyncio.to_thread(controls, path.url) for _ in range(2)]
        key = await asyncio.to_thread(made, one, account)
        await eventually(lambda: answered(other, key), equals=422, within_s=1)
        getattr(path, away)()

        revoking = asyncio.create_task(asyncio.to_thread(revoke, one, key))

        await void_within_a_second(one, other, key)
        assert (await revoking).status == 204


@pytest.mark.parametrize("away", ["cut", "silence"])
async def test_a_key_is_revoked_everywhere_while_clickhouse_is_away_and_recorded_when_it_is_back(
    clickhouse_url, valkey_url, redis, controls, clickhouse, account, away
):
    async with BlackholeProxy(clickhouse_url).running() as path:
        one, other = [await asyncio.to_thread(controls, valkey_url, clickhouse_url=path.url) for _ in range(2)]
        key = await asyncio.to_thread(made, one, account)
        await eventually(lambda: answered(other, key), equals=422, within_s=1)
        getattr(path, away)()

        revoking = asyncio.create_task(asyncio.to_thread(revoke, one, key))

        await void_within_a_second(one, other, key)
        answer = await revoking
        assert (answer.status, "ClickHouse" in answer.headers["Taptrail-Warning"]) == (204, True)
        path.free()
        recorded = "SELECT max(revoked_at_ms) > 0 FROM taptrail_internal.api_keys FINAL WHERE key_id = {key_id:String}"
        await eventually(lambda: clickhouse.value(recorded, key_id=key["key_id"]), equals=1)


async def test_a_revocation_that_no_store_takes_is_said_to_be_of_this_process_alone(
    clickhouse_url, valkey_url, controls, clickhouse, account
):
    async with BlackholeProxy(clickhouse_url).running() as path, BlackholeProxy(valkey_url).running() as redis_path:
        one, other = [await asyncio.to_thread(controls, redis_path.url, clickhouse_url=path.url) for _ in range(2)]
        key = await asyncio.to_thread(made, one, account)
        await eventually(lambda: answered(other, key), equals=422, within_s=1)
        path.cut()
        redis_path.cut()

        answer = await asyncio.to_thread(revoke, one, key)

        assert (answer.status, answer.body["type"]) == (503, "/docs#not-in-force")
        assert await answered(one, key) == 401
        redis_path.free()
        await eventually(lambda: answered(other, key), equals=401, within_s=3)


async def test_a_process_that_starts_without_clickhouse_says_that_it_does_not_know_the_keys_yet(
    clickhouse_url, valkey_url, redis, controls, clickhouse, account
):
    async with BlackholeProxy(clickhouse_url).running() as path:
        one = await asyncio.to_thread(controls, valkey_url)
        key = await asyncio.to_thread(made, one, account)
        path.cut()
        late = await asyncio.to_thread(controls, valkey_url, clickhouse_url=path.url)

        assert await answered(late, key) == 503
        assert await asyncio.to_thread(status, late, ACME, NO_STORE) == 422
        path.free()
        await eventually(lambda: answered(late, key), equals=422)


async def test_news_of_revoked_keys_leave_redis_after_an_hour(redis, control):
    hours_ago = time.time_ns() // 1_000_000 - 2 * 3_600_000
    await redis.hset(KEY_NEWS, mapping={"old": f"{hours_ago} acme k", "new": f"{hours_ago + 7_200_000} acme k"})

    await eventually(lambda: redis.hkeys(KEY_NEWS), equals=[b"new"])


def revoke(control, key):
    return control.call("DELETE", f"/v1/keys/{key['key_id']}", key=ACME)


async def answered(control, key):
    return await asyncio.to_thread(status, control, key["key"], NO_STORE)


async def void_within_a_second(one, other, key):
    until = time.monotonic() + 1
    for control in (one, other):
        await eventually(lambda control=control: answered(control, key), equals=401, within_s=until - time.monotonic())
