"""How many clicks a second one aggregator moves from the streams into ClickHouse, and what of its core each takes.

    python -m loadtest.bench_aggregator [--clicks 1000000] [--lanes 8]

The aggregator has core 0 to itself, Valkey and the ClickHouse engine share core 1. All enrichment is on. Counted is
from the first acknowledged batch to the last, so that starting and the first sight of most user agents are left out.
Two yardsticks, ratios to which hold on any machine: of CPU the decoding of such frames by msgspec alone, and by the
clock ClickHouse taking such batches from somebody who does nothing else (loadtest/bare_inserts.py). Like `make bench`
it runs on an interpreter that is an optimised build, where there is one.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
import redis

from aggregator.migrate import migrate
from loadtest.bare_inserts import bare_insert_s
from loadtest.cpu_time import cpu_s
from loadtest.interpreter import described, run_on_optimised
from loadtest.traffic import Traffic, geo_files
from records.address import AddressCipher
from records.click import Frame, decode_frame, frames_in
from records.keys import ENTRY_FIELD, LANES, WATERMARKS, click_stream, lane_name
from records.lane_registry import LaneReport
from runtime.clickhouse import ClickHouse, wait_for_clickhouse
from stack.ports import ports_for
from stack.valkey import valkey_command
from visitors.geo import Geo

CODE_KEY = bytes(range(16))
AGGREGATOR_CORE, STORES_CORE = "0", "1"
LOOK_EVERY_S = 0.02


class Look(NamedTuple):
    """What had happened at an instant."""

    at: float
    clicks: int  # acknowledged
    aggregator_s: float  # of CPU
    clickhouse_s: float
    redis_s: float
    aggregator_bytes: int  # of memory


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clicks", type=int, default=1_000_000)
    parser.add_argument("--lanes", type=int, default=8)
    arguments = parser.parse_args()
    run_on_optimised("loadtest.bench_aggregator")
    print(f"Python {described()}")
    os.sched_setaffinity(0, {int(STORES_CORE)})
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-") as folder, ExitStack() as processes:
        return _bench(Path(folder), processes, arguments.clicks // arguments.lanes, arguments.lanes)


def _bench(folder: Path, processes: ExitStack, per_lane: int, lanes: int) -> int:
    redis_port, clickhouse_port, ops_port = ports_for([("", 0)] * 3)
    clickhouse_url = f"http://taptrail:writer-password@127.0.0.1:{clickhouse_port}"
    valkey = processes.enter_context(
        _running(folder, STORES_CORE, valkey_command(folder / "redis", redis_port, max_memory_bytes=8 << 30))
    )
    writer = {"TAPTRAIL_CLICKHOUSE_WRITER": "taptrail:writer-password", "TAPTRAIL_CLICKHOUSE_ANALYST": "a:b"}
    server = [sys.executable, "-m", "stack.clickhouse", "--data", str(folder / "ch"), "--port", str(clickhouse_port)]
    clickhouse = processes.enter_context(_running(folder, STORES_CORE, server, **writer))
    city, asn = geo_files(folder)
    bare_s = asyncio.run(_bare_insert_s(clickhouse_url, Geo(str(city), str(asn))))
    client = redis.Redis(port=redis_port)
    yardstick_s = _fill(client, per_lane, lanes)

    settings = {
        "TAPTRAIL_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
        "TAPTRAIL_CODE_KEY": CODE_KEY.hex(),
        "TAPTRAIL_GEO_CITY_DB": str(city),
        "TAPTRAIL_GEO_ASN_DB": str(asn),
        "TAPTRAIL_OPS_PORT": str(ops_port),
    }
    command = [sys.executable, "-m", "aggregator"]
    aggregator = processes.enter_context(_running(folder, AGGREGATOR_CORE, command, **settings))
    looks = list(_watch(client, per_lane * lanes, (aggregator, clickhouse, valkey)))
    print(f"{max(look.aggregator_bytes for look in looks) >> 20:>10,} MiB of the aggregator at most")
    _report(looks[0], looks[-1], yardstick_s, bare_s)
    return _check(asyncio.run(_rows(clickhouse_url)), per_lane * lanes)


@contextmanager
def _running(folder: Path, core: str, command: list[str], **environ: str) -> Iterator[psutil.Process]:
    with (folder / "log").open("ab") as log:
        process = psutil.Popen(["taskset", "-c", core, *command], stdout=log, stderr=log, env=os.environ | environ)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            process.kill()


def _fill(client: redis.Redis, per_lane: int, lanes: int) -> float:
    """Streams as after an outage of ClickHouse: everything waits. Gives the yardstick, CPU seconds a click."""
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(LOOK_EVERY_S)
    traffic = Traffic(AddressCipher(CODE_KEY))
    decoding_s = 0.0
    for lane in range(1, lanes + 1):
        pipe = client.pipeline(transaction=False)
        for entry in traffic.entries(lane, per_lane):
            decoding_s += _decoding_s(entry.frames or b"")
            pipe.xadd(click_stream(lane), {ENTRY_FIELD: entry.frames or b""}, id=f"{entry.last_seq}-0")
        pipe.execute()
        state = LaneReport("edge", per_lane, per_lane, per_lane, 1)
        client.hset(LANES, lane_name(lane), msgspec.json.encode(state))
    return decoding_s / (per_lane * lanes)


def _decoding_s(frames: bytes) -> float:
    started = time.process_time()
    for frame in frames_in(frames):
        assert isinstance(frame, Frame)
        decode_frame(frame)
    return time.process_time() - started


def _watch(client: redis.Redis, clicks: int, processes: tuple[psutil.Process, ...]) -> Iterator[Look]:
    """Looks from the first acknowledged click to the last."""
    aggregator = processes[0]
    settled = 0
    while settled < clicks:
        if aggregator.poll() is not None:
            raise SystemExit("the aggregator has ended")
        before, settled = settled, sum(map(int, client.hvals(WATERMARKS)))
        if settled > before:
            spent = (cpu_s(process.pid) for process in processes)
            yield Look(time.monotonic(), settled, *spent, aggregator.memory_info().rss)
        time.sleep(LOOK_EVERY_S)


async def _bare_insert_s(url: str, geo: Geo) -> float:
    """The yardstick by the clock, its sender on the core of the aggregator, which is not there yet."""
    async with ClickHouse(url) as client:
        await wait_for_clickhouse(client)
        await migrate(client)
        os.sched_setaffinity(0, {int(AGGREGATOR_CORE)})
        bare_s = await bare_insert_s(client, AddressCipher(CODE_KEY), geo)
    os.sched_setaffinity(0, {int(STORES_CORE)})
    return bare_s


async def _rows(url: str) -> tuple[int, int]:
    """(rows, distinct (lane, seq))."""
    client = ClickHouse(url)
    rows = await client.value("SELECT count() FROM clicks SETTINGS optimize_use_projections = 0")
    distinct = await client.value("SELECT uniqExact(lane, seq) FROM clicks")
    await client.close()
    return int(rows), int(distinct)


def _report(first: Look, last: Look, yardstick_s: float, bare_s: float) -> None:
    moved, seconds = last.clicks - first.clicks, last.at - first.at
    print(f"{moved:,} clicks from the first acknowledged batch to the last, in {seconds:.2f} s")
    ratio = moved / seconds * bare_s
    print(f"{moved / seconds:>10,.0f} clicks/s by the clock, {ratio:.2f}x ClickHouse with nothing beside")
    print(f"{1 / bare_s:>10,.0f} clicks/s by the clock of ClickHouse with nothing beside")
    for name in ("aggregator_s", "clickhouse_s", "redis_s"):
        used = getattr(last, name) - getattr(first, name)
        of_yardstick = used / moved / yardstick_s
        each = f"{used / moved * 1e6:5.2f} us a click, {of_yardstick:4.1f}x the yardstick, busy {used / seconds:4.0%}"
        print(f"{moved / max(used, 0.01):>10,.0f} clicks/s of a core of {name.removesuffix('_s')}: {each}")
    print(f"{1 / yardstick_s:>10,.0f} clicks/s of the yardstick: {yardstick_s * 1e6:5.2f} us a click")


def _check(rows: tuple[int, int], clicks: int) -> int:
    held = rows == (clicks, clicks)
    print(f"{'ok' if held else 'WRONG'}: {clicks:,} clicks, {rows[0]:,} rows, {rows[1]:,} distinct")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
