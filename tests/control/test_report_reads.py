"""A broadcast's report reads the rows of that broadcast, whatever else there is: far below 1 % of 10^8 clicks."""

import json

import pytest

from control.reports import statements
from control.reports.filters import NONE, Filters, narrowing

BROADCASTS, EACH = 60, 3000
GRANULE = 8192  # rows that ClickHouse reads at least, of clicks
ONE_PERCENT = 10**8 // 100
HERE = {"account": "main", "id": "broadcast-30"}
PARAMETERS = HERE | {"sent": 0, "no": 30, "tz": "Europe/Berlin", "all": 0, "step": 3600}
STATEMENTS = {
    name: sql for name, sql in vars(statements).items()
    if isinstance(sql, str) and name[0].isupper() and "{id:String}" in sql and name != "FORMER"
}  # fmt: skip


@pytest.fixture
async def many(clickhouse):
    """Broadcasts that were sent one after the other, each to as many contacts, all of whom tapped."""
    numbers = f"FROM numbers({BROADCASTS * EACH})"
    of = f"intDiv(number, {EACH})"
    await clickhouse.execute(
        "INSERT INTO links (link_id, account, broadcast_no, broadcast_id, contact_id, minted_at)"
        f" SELECT number, 'main', {of}, concat('broadcast-', toString({of})), toString(number), '2026-09-21' {numbers}"
    )
    await clickhouse.execute(
        "INSERT INTO links (link_id, account, broadcast_no, broadcast_id, contact_id)"
        f" VALUES ({BROADCASTS * EACH}, 'main', 30, 'broadcast-30', 'canary:1')"
    )
    await clickhouse.execute(
        "INSERT INTO clicks (lane, seq, account, broadcast_id, visit_class, status, clicked_at)"
        " VALUES (2, 1, 'main', 'broadcast-30', 'human', 410, '2026-09-22')"
    )
    await clickhouse.execute(
        "INSERT INTO clicks (lane, seq, account, broadcast_no, broadcast_id, link_id, contact_id, visit_class, status,"
        f" clicked_at, class_reasons) SELECT 1, number, 'main', {of}, concat('broadcast-', toString({of})), number,"
        f" toString(number), if(number % 10 = 0, 'scanner', 'human'), 302, toDateTime64('2026-09-21', 3) + number,"
        f" ['list-isbot'] {numbers}"
    )
    return clickhouse


@pytest.mark.parametrize("filters", [NONE, Filters(device="", audience="")])
async def test_each_statement_reads_the_rows_of_its_broadcast(many, filters):
    narrowed = narrowing(filters)
    read = {}
    for name, sql in STATEMENTS.items():
        answer = json.loads(await many.body(f"{sql}{narrowed} FORMAT JSON", **{
            key: value for key, value in PARAMETERS.items() if f"{{{key}:" in sql
        }))  # fmt: skip
        read[name] = answer["statistics"]["rows_read"]
        assert answer["rows"] > 0, name

    # From links and from clicks its own rows, and what lies with them in the granules at both ends.
    assert {name: rows for name, rows in read.items() if rows > 2 * EACH + 2 * GRANULE} == {}
    assert sum(read.values()) < ONE_PERCENT
    assert len(read) >= 10
