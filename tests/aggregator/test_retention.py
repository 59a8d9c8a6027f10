"""Agents that are kept for some months only."""

import pytest

from aggregator.regrade import Regrade
from aggregator.regrade_sql import RUNS
from aggregator.retention import AGENT_COLUMNS, changes_to, keep_agents
from tests.support.regrade import Filter, insert_one, projection_faults

CREATED = """CREATE TABLE taptrail.clicks
(
    `lane` UInt64 COMMENT 'x' CODEC(ZSTD(1)),
    `user_agent` String COMMENT 'said, TTL none' CODEC(ZSTD(1)) TTL toDateTime(clicked_at) + toIntervalMonth(13),
    `sec_ch_ua` String CODEC(ZSTD(1)) TTL toDateTime(clicked_at) + toIntervalMonth(7),
    `ip_prefix` String CODEC(ZSTD(1))
)
"""


def test_a_column_that_is_kept_as_long_already_is_left_alone():
    assert changes_to(13, CREATED) == [
        "MODIFY COLUMN sec_ch_ua TTL toDateTime(clicked_at) + toIntervalMonth(13)",
        "MODIFY COLUMN ip_prefix TTL toDateTime(clicked_at) + toIntervalMonth(13)",
    ]


def test_nothing_is_removed_where_no_months_are_set():
    assert changes_to(0, CREATED) == ["MODIFY COLUMN user_agent REMOVE TTL", "MODIFY COLUMN sec_ch_ua REMOVE TTL"]


@pytest.fixture
async def kept_for_ever(clickhouse):
    yield
    await keep_agents(clickhouse, 0)


async def test_agents_are_removed_after_so_many_months_and_their_rows_keep_their_verdict(clickhouse, kept_for_ever):
    now = await clickhouse.value("SELECT toUnixTimestamp(now())")
    for clicked_at in (now - 60 * 86_400, now):
        await insert_one(clickhouse, clicked_at=clicked_at, user_agent="curl/8.5", ip_prefix="203.0.113.0/24",
                         visit_class="human", class_reasons=["old"])  # fmt: skip

    assert await keep_agents(clickhouse, 1)
    assert not await keep_agents(clickhouse, 1)
    await clickhouse.execute("OPTIMIZE TABLE clicks FINAL")

    sql = f"SELECT {', '.join(AGENT_COLUMNS)}, contact_id != '' AS named FROM clicks ORDER BY clicked_at"
    old, new = await clickhouse.rows(sql, dict)
    assert (old["user_agent"], old["ip_prefix"], old["named"]) == ("", "", 1)
    assert (new["user_agent"], new["ip_prefix"]) == ("curl/8.5", "203.0.113.0/24")
    run = Regrade(clickhouse, Filter(), keep_agents_months=1)
    assert (await run.find()).rows == 1
    await run.forget()
    assert await clickhouse.value(f"SELECT count() FROM {RUNS}") == 0
    assert await projection_faults(clickhouse) == []
