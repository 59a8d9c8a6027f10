"""Who changed what: no change without its row, and no row without its change."""

import asyncio
import json

import msgspec
import pytest

from control.access.caller import Author
from control.catalogue.changes import BROADCAST, DOMAIN, WITHDRAWN, Changes, change_of
from records.broadcast import Broadcast
from records.domain import Domain
from runtime.clickhouse import ClickHouse
from tests.support.control import ACME, SEATTLE, SHOP, contacts
from tests.support.control import DOMAIN as NAME
from tests.support.eventually import eventually

OTHER = "https://shop.acme.example/other"
CRM = Author("main", "crm")
SPRING = Broadcast(7, "main", "spring", NAME, (SHOP,))


async def changes(clickhouse, name="spring", columns="version, what"):
    sql = f"SELECT {columns} FROM changes WHERE name = {{name:String}} ORDER BY version"
    return [tuple(row.values()) for row in await clickhouse.rows(sql, dict, name=name)]


class Cut(ClickHouse):
    """A ClickHouse whose client is killed before it writes to a table."""

    def __init__(self, url, table):
        super().__init__(url)
        self._table = table

    async def insert_rows(self, table, rows, *, query_id=""):
        if table == self._table:
            raise asyncio.CancelledError
        await super().insert_rows(table, rows, query_id=query_id)


@pytest.fixture
async def killed_before_logging(clickhouse_url):
    async with Cut(clickhouse_url, "change_log") as cut:
        yield Changes(cut)


async def test_every_change_of_a_broadcast_says_who_what_before_and_after(control, clickhouse):
    control.broadcast(keyword="SPRING")
    control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [OTHER], "source": "sms"})
    control.broadcast(destinations=(OTHER,))

    rows = await changes(clickhouse, columns="version, what, who_account, before, after")

    assert [row[:3] for row in rows] == [(1, "created", "main"), (2, "changed", "main"), (3, "changed", "main")]
    assert rows[0][3] == ""
    assert json.loads(rows[0][4]).items() >= {"destinations": [SHOP], "keyword": "SPRING"}.items()
    assert [json.loads(text) for text in rows[1][3:]] == [{"destinations": [SHOP]}, {"destinations": [OTHER]}]
    assert [json.loads(text) for text in rows[2][3:]] == [{"keyword": "SPRING"}, {"keyword": ""}]


async def test_what_changes_nothing_is_no_change(control, clickhouse):
    control.broadcast()
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": False})
    control.broadcast()

    assert await changes(clickhouse) == [(1, "created")]


async def test_minting_is_no_change_and_hides_none(control, clickhouse):
    control.broadcast()
    control.mint(contacts(2, audience="vip"))
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert await changes(clickhouse) == [(1, "created"), (2, "changed")]


async def test_a_domain_keeps_its_history_beyond_its_deletion_and_no_other_account_gets_it(control, clickhouse):
    control.call("PUT", f"/v1/domains/{NAME}", {"display_name": "A"}, ACME)
    control.call("PATCH", f"/v1/domains/{NAME}", {"display_name": "B"}, ACME)
    control.call("DELETE", f"/v1/domains/{NAME}", key=ACME)
    control.call("PUT", f"/v1/domains/{NAME}", {}, SEATTLE)

    columns = "account, version, what, JSONExtractString(before, 'display_name') AS b, after = ''"
    assert await changes(clickhouse, NAME, columns) == [
        ("acme", 1, "created", "", 0), ("acme/seattle", 1, "created", "", 0),
        ("acme", 2, "changed", "A", 0), ("acme", 3, "deleted", "B", 1),
    ]  # fmt: skip


async def test_a_shared_link_with_a_broadcast_of_its_own_says_who_made_it(control, clickhouse):
    control.call("PUT", f"/v1/domains/{NAME}", {})
    body = {"short_domain": NAME, "destination": OTHER, "slug": "SALE"}
    link = control.call("POST", "/v1/links", body).body

    assert await changes(clickhouse, link["broadcast_id"]) == [(1, "created")]


async def test_many_changes_at_once_by_two_processes_are_as_many_rows(control, controls, valkey_url, clickhouse):
    control.broadcast()
    other = await asyncio.to_thread(controls, valkey_url)

    def change(number):
        one = (control, other)[number % 2]
        return one.call("PATCH", "/v1/broadcasts/spring", {"source": f"s-{number}"}).status

    answers = await asyncio.gather(*(asyncio.to_thread(change, number) for number in range(16)))

    assert answers == [200] * 16
    rows = await changes(clickhouse, columns="version, before, after")
    assert [row[0] for row in rows] == list(range(1, 18))
    chain = [json.loads(text)["source"] for row in rows[1:] for text in row[1:]]
    assert chain[1:-1:2] == chain[2::2], "each begins where the one before it ended"


async def test_a_change_whose_writer_is_killed_before_it_is_logged_is_logged_with_the_next(
    clickhouse, killed_before_logging
):
    with pytest.raises(asyncio.CancelledError):
        await killed_before_logging.write(BROADCAST, SPRING, None, CRM)
    assert await changes(clickhouse) == []
    (spring,) = await in_force(clickhouse)

    await Changes(clickhouse).write(BROADCAST, msgspec.structs.replace(spring, stopped=True), spring, None)

    assert await changes(clickhouse, columns="version, what, who_key") == [(1, "created", "crm")]


async def in_force(clickhouse):
    return await clickhouse.rows("SELECT * EXCEPT change FROM broadcasts FINAL", Broadcast)


async def test_what_a_killed_writer_did_not_log_is_copied_by_the_next_control_process(
    clickhouse, killed_before_logging, redis, valkey_url, controls
):
    with pytest.raises(asyncio.CancelledError):
        await killed_before_logging.write(DOMAIN, Domain(NAME, "main"), None, CRM)

    await asyncio.to_thread(controls, valkey_url)

    async def logged():
        return await changes(clickhouse, NAME)

    assert await eventually(logged) == [(1, "created")]


async def test_a_writer_that_is_killed_before_its_row_is_written_leaves_no_change(clickhouse_url, clickhouse):
    async with Cut(clickhouse_url, "broadcasts") as cut:
        with pytest.raises(asyncio.CancelledError):
            await Changes(cut).write(BROADCAST, SPRING, None, CRM)

    await Changes(clickhouse).copy_since(0)

    assert await changes(clickhouse) == []


async def test_a_copy_that_is_repeated_adds_nothing(clickhouse):
    log = Changes(clickhouse)
    first = await log.write(BROADCAST, SPRING, None, CRM)
    await log.write(BROADCAST, msgspec.structs.replace(first, stopped=True), first, CRM)

    await asyncio.gather(*(log.copy_since(0) for _ in range(3)))

    assert await changes(clickhouse) == [(1, "created"), (2, "changed")]


async def test_many_new_records_are_written_at_once(clickhouse):
    wanted = [(Broadcast(n, "main", f"shared:{n}", NAME, (SHOP,)), Author("main", f"key-{n}")) for n in range(3)]

    written = await Changes(clickhouse).create(BROADCAST, wanted)

    assert {one.broadcast_id: one for one in await in_force(clickhouse)} == {one.broadcast_id: one for one in written}
    assert await changes(clickhouse, "shared:2", "version, who_key") == [(1, "key-2")]


def test_a_change_that_was_refused_after_all_is_taken_back_by_another():
    moved = msgspec.structs.replace(SPRING, destinations=(OTHER,))

    change = change_of(BROADCAST, SPRING, moved, CRM, WITHDRAWN)

    assert (change.what, change.before, change.after) == (
        "withdrawn", f'{{"destinations":["{OTHER}"]}}', f'{{"destinations":["{SHOP}"]}}',
    )  # fmt: skip


async def test_the_history_of_a_record_that_is_older_than_it_begins_with_the_state_before_the_first_change(clickhouse):
    log = Changes(clickhouse)
    older = await log.write(BROADCAST, SPRING, None, None)

    stopped = await log.write(BROADCAST, msgspec.structs.replace(older, stopped=True), older, CRM)
    await log.write(BROADCAST, msgspec.structs.replace(stopped, stopped=False), stopped, CRM)

    rows = await changes(clickhouse, columns="version, what, who_key, JSONExtractBool(after, 'stopped')")
    assert rows == [(1, "recorded", "", 0), (2, "changed", "crm", 1), (3, "changed", "crm", 0)]
    assert await log.next_version(BROADCAST, SPRING) == 4
