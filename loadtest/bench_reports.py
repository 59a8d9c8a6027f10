"""How long reports take, and how much they read, as the table of clicks grows; prints Markdown tables.

    python -m loadtest.bench_reports [--rows 100000000]

The real schema on a ClickHouse engine of its own, filled by loadtest/fill.py to 10^6 clicks, ten times as many, and so
on up to --rows, with a tenth as many links. Two broadcasts have the same size throughout: what they cost should not
depend on what else the table holds. The biggest has 5 % of all clicks and grows with it. 10^8 clicks need 15 GB of disk.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
from redis.asyncio import Redis

from accounting.audit import read_audit
from accounting.ledger import read_ledger
from aggregator.migrate import migrate
from control.reports.report import Reports
from loadtest.fill import LANE_CLICKS, Fill, add, add_recorded, end_lanes
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse
from stack.valkey import valkey_command
from tests.conftest import WRITER, clickhouse_command, clickhouse_environ
from tests.support.processes import free_port, running

ROUNDS = 5
FIRST_ROWS = 1_000_000
CLICKS_PER_LINK = 10
SMALL, MEDIUM, BIGGEST = 5001, 5002, 1
OF_ONE_SIZE = {SMALL: Fill(0, 1_000, 0, 10_000, SMALL), MEDIUM: Fill(LANE_CLICKS, 100_000, 10_000, 1_000_000, MEDIUM)}
Report = Callable[[], Awaitable[Any]]


class Cost(msgspec.Struct, frozen=True):
    seconds: float
    rows: int
    bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-reports-") as name:
        folder, clickhouse_port, redis_port = Path(name), free_port(), free_port()
        command = clickhouse_command(folder / "clickhouse", clickhouse_port, "--max-memory-bytes", str(8 << 30))
        with (
            running(command, clickhouse_port, folder / "clickhouse.log", clickhouse_environ()),
            running(valkey_command(folder / "valkey", redis_port), redis_port, folder / "valkey.log"),
        ):
            asyncio.run(measure(clickhouse_port, redis_port, options.rows))
    return 0


async def measure(clickhouse_port: int, redis_port: int, most_rows: int) -> None:
    clickhouse = Measured(f"http://{WRITER}@127.0.0.1:{clickhouse_port}", timeout_s=7200)
    redis = Redis(port=redis_port)
    await migrate(clickhouse)
    await add_recorded(clickhouse)
    for fill in OF_ONE_SIZE.values():
        await add(clickhouse, fill)
    clicks, links = 2 * LANE_CLICKS, 2_000_000  # where the numbers of the next ones begin
    rows, found = FIRST_ROWS, {}
    while rows <= most_rows:
        more = rows - int(await clickhouse.value("SELECT count() FROM clicks"))
        started = time.monotonic()
        await add(clickhouse, Fill(clicks, more, links, more // CLICKS_PER_LINK))
        await end_lanes(clickhouse)
        note(f"{rows:,} clicks; {more:,} of them inserted in {time.monotonic() - started:,.0f} s")
        clicks, links = clicks + more + LANE_CLICKS, links + more
        found[rows] = {name: await _cost(clickhouse, report) for name, report in _reports(clickhouse, redis).items()}
        note(_table(found))
        note(await _stored(clickhouse))
        rows *= 10
    print(_table(found) + "\n\n" + await _stored(clickhouse))
    await clickhouse.close()
    await redis.aclose()


class Measured(ClickHouse):
    """Sums what its statements read, as X-ClickHouse-Summary says it."""

    rows_read = bytes_read = 0

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_end.append(self._answered)
            self._session = aiohttp.ClientSession(timeout=self._timeout, trace_configs=[tracing])
        return self._session

    async def _answered(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        summary = json.loads(params.response.headers.get("X-ClickHouse-Summary", "{}"))
        self.rows_read += int(summary.get("read_rows", 0))
        self.bytes_read += int(summary.get("read_bytes", 0))


def _reports(clickhouse: ClickHouse, redis: Redis) -> dict[str, Report]:
    reports = Reports(clickhouse)

    def of(no: int) -> Report:
        return lambda: reports.read(Broadcast(no, "main", f"broadcast-{no}", "d", ("u",), sent_at_ms=1))

    def view(name: str, columns: str, no: int, tail: str = "") -> Report:
        where = f"account = 'main' AND broadcast_id = 'broadcast-{no}'"
        return lambda: clickhouse.value(f"SELECT {columns} FROM {name} WHERE {where} {tail}")

    by_hour = "sum(clicks) FROM hourly_clicks WHERE account = 'main' AND engaged GROUP BY hour"
    return {
        "`taptrail report`, 1,000 clicks": of(SMALL),
        "`taptrail report`, 100,000 clicks": of(MEDIUM),
        "`taptrail report`, 5 % of all": of(BIGGEST),
        "view broadcast_report, 1,000 clicks": view("broadcast_report", "*", SMALL),
        "view broadcast_report, 100,000 clicks": view("broadcast_report", "*", MEDIUM),
        "view audience_report, 100,000 clicks": view("audience_report", "*", MEDIUM),
        "view hourly_clicks, 100,000 clicks": view("hourly_clicks", "hour, sum(clicks)", MEDIUM, "GROUP BY hour"),
        "view hourly_clicks, everything": lambda: clickhouse.value(f"SELECT hour, {by_hour}"),
        "`taptrail ledger`": lambda: read_ledger(redis, clickhouse),
        "audit of the last hour": lambda: read_audit(redis, clickhouse, 1.0),
    }


async def _cost(clickhouse: Measured, report: Report) -> Cost:
    """The median time of a report, and what it reads."""
    took = []
    for _ in range(ROUNDS):
        clickhouse.rows_read = clickhouse.bytes_read = 0
        started = time.perf_counter()
        await report()
        took.append(time.perf_counter() - started)
    return Cost(statistics.median(took), clickhouse.rows_read, clickhouse.bytes_read)


def _table(found: dict[int, dict[str, Cost]]) -> str:
    lines = ["| report | " + " | ".join(f"{rows:,} clicks" for rows in found) + " |", "|---|" + "---|" * len(found)]
    lines += [
        f"| {name} | " + " | ".join(_described(costs[name]) for costs in found.values()) + " |"
        for name in next(iter(found.values()))
    ]
    return "\n".join(lines)


def _described(cost: Cost) -> str:
    return f"{cost.seconds * 1e3:,.0f} ms, {cost.rows:,} rows, {cost.bytes / 1e6:,.1f} MB"


async def _stored(clickhouse: ClickHouse) -> str:
    """Bytes a row on the disk, with projections."""
    sizes = "sum(rows), sum(bytes_on_disk), count()"
    lines = []
    for table in ("clicks", "links"):
        where = f"WHERE database = 'taptrail' AND table = '{table}' AND active"
        rows, size, parts = await clickhouse.value(f"SELECT [{sizes}] FROM system.parts {where}")
        lines.append(f"{table}: {rows:,} rows, {size / rows:.1f} bytes each on the disk, {parts} parts")
    return "\n".join(lines)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
