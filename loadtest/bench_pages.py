"""How long the API and the pages take to show one broadcast among many clicks, by HTTP; prints a Markdown table.

    python -m loadtest.bench_pages [--rows 10000000] [--clickhouse URL]

Control as it runs in production, on a ClickHouse filled as loadtest/bench_reports.py fills it, or on one that is filled
already. A first view is one after new taps; each round has one of everything, and a yardstick: ClickHouse counts a
million different texts. The ratio to that says more than the time. Then 50 viewers follow a broadcast, which at first does
not change and then is tapped every second: each of them reads the page again when it is told of a change.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from redis.asyncio import Redis

from aggregator.migrate import migrate
from control.__main__ import build
from control.http.auth import COOKIE
from control.settings import Settings
from loadtest.bench_reports import MEDIUM, OF_ONE_SIZE, SMALL, Measured
from loadtest.fill import LANE_CLICKS, Fill, add, add_recorded
from records.broadcast import Broadcast
from records.domain import Domain
from runtime.clickhouse import ClickHouse
from runtime.environment import settings_from
from runtime.serve import HttpServer, listen
from stack.valkey import valkey_command
from tests.conftest import WRITER, clickhouse_command, clickhouse_environ
from tests.support.processes import free_port, running

KEY = "bench-key-0123456789"
ROUNDS, VIEWERS, WATCH_S = 5, 50, 10.0
YARDSTICK = "SELECT uniqExact(toString(number)) FROM numbers(1000000)"
SIZES = {"1,000 clicks of 10,000 links": SMALL, "100,000 clicks of 1,000,000 links": MEDIUM}
Ask = Callable[[], Awaitable[Any]]


class Counting(Measured):
    """Counts its statements."""

    statements = 0

    async def _answered(self, *told: Any) -> None:
        self.statements += 1
        await super()._answered(*told)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--clickhouse", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-pages-") as name:
        folder, redis_port = Path(name), free_port()
        with running(valkey_command(folder / "valkey", redis_port), redis_port, folder / "valkey.log"):
            if options.clickhouse:
                asyncio.run(measure(options.clickhouse, redis_port))
                return 0
            port = free_port()
            command = clickhouse_command(folder / "clickhouse", port, "--max-memory-bytes", str(8 << 30))
            with running(command, port, folder / "clickhouse.log", clickhouse_environ()):
                url = f"http://{WRITER}@127.0.0.1:{port}"
                asyncio.run(fill(url, options.rows))
                asyncio.run(measure(url, redis_port))
    return 0


async def fill(url: str, rows: int) -> None:
    async with ClickHouse(url, timeout_s=7200) as clickhouse:
        await migrate(clickhouse)
        await add_recorded(clickhouse)
        for one in OF_ONE_SIZE.values():
            await add(clickhouse, one)
        more = rows - int(await clickhouse.value("SELECT count() FROM clicks"))
        await add(clickhouse, Fill(2 * LANE_CLICKS, more, 2_000_000, more // 10))


async def measure(url: str, redis_port: int) -> None:
    """Of a ClickHouse that is filled."""
    redis, clickhouse = Redis(port=redis_port), Counting(url, timeout_s=60)
    await clickhouse.insert_rows("domains", [Domain("d", "main", "", version=1)])
    rows = [Broadcast(no, "main", f"broadcast-{no}", "d", ("https://a.example/",), version=1) for no in SIZES.values()]
    await clickhouse.insert_rows("broadcasts", rows)
    port = free_port()
    environ = {
        "TAPTRAIL_CODE_KEY": "00" * 16, "TAPTRAIL_API_KEYS": f"main:{KEY}", "TAPTRAIL_CLICKHOUSE_URL": url,
        "TAPTRAIL_REDIS_URL": f"redis://127.0.0.1:{redis_port}",
    }  # fmt: skip
    app, _, keys, live = build(settings_from(environ, Settings), redis, redis, clickhouse)
    await keys.start()
    server = HttpServer(app, listen("127.0.0.1", port), grace_s=5)
    serving = asyncio.get_running_loop().create_task(server.run_until_stopped())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)) as client:
        print(f"{await clickhouse.value('SELECT count() FROM clicks'):,} clicks\n")
        print(_table(await _rounds(clickhouse, client)) + "\n")
        print(await _viewers(clickhouse, client))
        async with ClickHouse(url) as other:
            tapping = asyncio.create_task(_tap_on(other, SMALL))
            print("tapped meanwhile: " + await _viewers(clickhouse, client))
            tapping.cancel()
    live.end()
    server.stop()
    await serving
    await clickhouse.close()
    await redis.aclose()


async def _rounds(clickhouse: Counting, client: aiohttp.ClientSession) -> dict[str, list[float]]:
    """Seconds by name, the yardstick's as well; a round has one of each."""
    cookie = await _signed_in(client)
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        asked: dict[str, Ask] = {"yardstick": lambda: clickhouse.body(YARDSTICK)}
        before: dict[str, Ask] = {}
        for size, no in SIZES.items():
            await _tapped(clickhouse, no)
            minted, path = f"API, {size}, after a minting", f"/v1/broadcasts/broadcast-{no}/report"
            asked[f"API, {size}"] = _get(client, path, Authorization=f"Bearer {KEY}")
            before[minted], asked[minted] = partial(_minted, clickhouse, no), asked[f"API, {size}"]
            asked[f"page, {size}, first view"] = _get(client, f"/reports/broadcast-{no}", Cookie=cookie)
            asked[f"page, {size}, next view"] = _get(client, f"/reports/broadcast-{no}", Cookie=cookie)
        for view in ("first view", "next view"):
            asked[f"page, the list of both, {view}"] = _get(client, "/reports", Cookie=cookie)
        for name, ask in asked.items():
            if name in before:
                await before[name]()
            started = time.perf_counter()
            await ask()
            found.setdefault(name, []).append(time.perf_counter() - started)
    return found


async def _viewers(clickhouse: Counting, client: aiohttp.ClientSession) -> str:
    cookie = await _signed_in(client)
    await _get(client, f"/reports/broadcast-{SMALL}", Cookie=cookie)()
    clickhouse.statements = 0
    watching = [
        asyncio.create_task(_watch(client, f"/reports/broadcast-{SMALL}", Cookie=cookie)) for _ in range(VIEWERS)
    ]
    await asyncio.sleep(WATCH_S)
    counted = clickhouse.statements
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    return f"{VIEWERS} viewers for {WATCH_S:.0f} s: {counted} statements, one every {WATCH_S / max(counted, 1):.1f} s"


async def _watch(client: aiohttp.ClientSession, page: str, **headers: str) -> None:
    async with client.get(f"{page}/live", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        async for line in answer.content:
            if line.startswith(b"data:"):
                await _get(client, page, **headers)()


async def _tap_on(clickhouse: ClickHouse, no: int) -> None:
    while True:
        await _tapped(clickhouse, no)
        await asyncio.sleep(1.0)


async def _minted(clickhouse: ClickHouse, no: int) -> None:
    """One new link of a broadcast."""
    link = "SELECT * REPLACE (link_id + 1000000000 AS link_id) FROM links WHERE broadcast_no = {no:UInt64} LIMIT 1"
    await clickhouse.execute(f"INSERT INTO links {link}", no=no)


async def _tapped(clickhouse: ClickHouse, no: int) -> None:
    """Ten new taps of a broadcast: what was known of it is old."""
    taps = "SELECT * FROM clicks WHERE account = 'main' AND broadcast_id = {id:String} LIMIT 10"
    await clickhouse.execute(f"INSERT INTO clicks {taps}", id=f"broadcast-{no}")


def _get(client: aiohttp.ClientSession, path: str, **headers: str) -> Ask:
    async def ask() -> None:
        async with client.get(path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    return ask


async def _signed_in(client: aiohttp.ClientSession) -> str:
    async with client.post("/login", data={"key": KEY}, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return f"{COOKIE}={answer.cookies[COOKIE].value}"


def _table(found: dict[str, list[float]]) -> str:
    yardstick = found["yardstick"]
    lines = ["| what | median, ms | range | times the yardstick |", "|---|---|---|---|"]
    for name, seconds in found.items():
        ratio = statistics.median(one / least for one, least in zip(seconds, yardstick, strict=True))
        lines.append(
            f"| {name} | {statistics.median(seconds) * 1e3:,.0f} | {min(seconds) * 1e3:,.0f}-{max(seconds) * 1e3:,.0f} | "
            f"{ratio:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
