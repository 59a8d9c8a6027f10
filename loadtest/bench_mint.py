"""Links a second from a CSV of contacts to a CSV of short URLs, and what they take: CPU, memory, bytes in Redis.

    python -m loadtest.bench_mint [--contacts 1000000] [--uuid] [--api]

Ends with 1 when a link is wrong or missing; what was reached is said, as it depends on the machine. Starts `taptrail up`,
mints into empty stores with the `taptrail` command, a process of its own, or with --api by one request that sends the
CSV and keeps the answer, and checks what came of it. The yardstick is what nobody can leave out: reading and writing as
many lines with Python's csv, and the bare INSERT of the same rows.
"""

import argparse
import asyncio
import csv
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from redis.asyncio import Redis

from cli.link_lines import COLUMNS, link_lines
from cli.wire import answered, lines_of
from loadtest.cpu_time import cpu_s
from records.keys import BLOCK_BITS, block_key
from records.link_block import link_in
from runtime.clickhouse import ClickHouse
from stack.demo import DOMAIN, start_stack, stop_stack

BROADCAST = "bench"
TO = "https://shop.acme.example/?c={contact_id}"
AUDIENCES = ("vip", "regular", "new", "lapsed")
INSERT_ROWS = 50_000
SAMPLES = 10_000
REACH_RATE = {"taptrail mint": 66_667, "request": 150_000}  # links/s; the command: 100,000 in 1.5 s, its start included
REACH_BYTES = {False: 24, True: 50}  # of Redis for each link; True with UUIDs
# Peak memory: some chunks of links in every form, and what is kept of each contact until all are checked.
MOST_MB = {"taptrail mint": 60, "control": 400}
MOST_BYTES_A_CONTACT = 160


class Used(msgspec.Struct, frozen=True):
    """What the processes of the stack have used so far."""

    cpu_s: dict[str, float]
    peak_mb: dict[str, float]
    redis_bytes: int


class Minted(msgspec.Struct, frozen=True):
    by: str  # the client, "taptrail mint" or "request"
    started_at_s: float
    seconds: float  # of the whole command or request
    cpu_s: float  # of the client's process, as the next
    peak_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--uuid", action="store_true", help="contact ids are UUIDs instead of 10 characters")
    parser.add_argument("--api", action="store_true", help="one request with the CSV, instead of the command")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-mint-") as name:
        stack, ready = start_stack(Path(name))
        try:
            return asyncio.run(_bench(Path(name), ready, options.contacts, as_uuid=options.uuid, api=options.api))
        finally:
            stop_stack(stack)


async def _bench(folder: Path, ready: dict[str, Any], contacts: int, *, as_uuid: bool, api: bool) -> int:
    given, out = folder / "contacts.csv", folder / "links.csv"
    write_contacts(given, contacts, as_uuid=as_uuid)
    redis, clickhouse = Redis.from_url(ready["redis"]), ClickHouse(ready["clickhouse"], timeout_s=300)
    try:
        before = await used(ready, redis)
        minted = await asyncio.to_thread(mint_by_api if api else mint, ready, given, out)
        after = await used(ready, redis)
        wrong = await faults(clickhouse, redis, out, contacts)
        claimed_at_s = await clickhouse.value("SELECT max(toFloat64(minted_at)) FROM taptrail_internal.mints")
        print(*_times(minted, contacts, claimed_at_s - minted.started_at_s), sep="\n")
        least_s = csv_seconds(given, out, folder / "again.csv"), await insert_seconds(clickhouse, ready, contacts)
        print(f"yardstick: csv module {least_s[0]:.2f} s, bare INSERT {least_s[1]:.2f} s; minting takes "
              f"{minted.seconds / sum(least_s):.2f} times both")  # fmt: skip
        print(*_processes(before, after, minted, contacts), sep="\n")
        by_info = (after.redis_bytes - before.redis_bytes) / contacts
        print(_redis(await memory_usage(redis), by_info, contacts, REACH_BYTES[as_uuid]))
        print(*(f"WRONG: {fault}" for fault in wrong), sep="\n")
    finally:
        await redis.aclose()
        await clickhouse.close()
    return 1 if wrong else 0


def _times(minted: Minted, contacts: int, claimed_s: float) -> Iterator[str]:
    rate, reach = contacts / minted.seconds, REACH_RATE[minted.by]
    judged = _judged(rate >= reach, f"at least {reach:,}")
    yield f"{contacts:,} links in {minted.seconds:.2f} s: {rate:,.0f} links/s, CSV to short URLs{judged}"
    yield f"{claimed_s:.2f} s until the file is checked and its ids are claimed, {minted.seconds - claimed_s:.2f} s from there"


def _processes(before: Used, after: Used, minted: Minted, contacts: int) -> Iterator[str]:
    yield f"{'process':14}{'CPU s':>7}{'peak MB':>9}"
    peaks = {minted.by: minted.peak_mb, **after.peak_mb}
    spent = {minted.by: minted.cpu_s, **{name: after.cpu_s[name] - before.cpu_s[name] for name in after.cpu_s}}
    for name, peak_mb in peaks.items():
        most_mb = MOST_MB[name] + contacts * MOST_BYTES_A_CONTACT / 1e6 if name in MOST_MB else peak_mb
        judged = _judged(peak_mb <= most_mb, f"at most {most_mb:.0f}") if name in MOST_MB else ""
        yield f"{name:14}{spent[name]:7.2f}{peak_mb:9.0f}{judged}"


def _redis(measured: list[int], by_info: float, contacts: int, reach: int) -> str:
    by_usage = sum(measured) / contacts
    some = random.Random(1).sample(measured, min(100, len(measured)))
    by_some = statistics.mean(some) * len(measured) / contacts
    return (
        f"Redis, bytes a link: {by_usage:.1f} by MEMORY USAGE of all {len(measured):,} blocks, {by_some:.1f} by 100 of "
        f"them, {by_info:.1f} by used_memory of INFO{_judged(max(by_usage, by_info) <= reach, f'at most {reach}')}"
    )


def _judged(reached: bool, what: str) -> str:
    return f" ({what}: {'reached' if reached else 'NOT REACHED'})"


def write_contacts(path: Path, contacts: int, *, as_uuid: bool) -> None:
    pick = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("contact_id", "audience"))
        for number in range(contacts):
            contact_id = str(uuid.UUID(int=pick.getrandbits(128))) if as_uuid else f"c-{number:08d}"
            writer.writerow((contact_id, pick.choice(AUDIENCES)))


def mint(ready: dict[str, Any], given: Path, out: Path) -> Minted:
    """One `taptrail mint`; raises SystemExit when it fails."""
    command = [sys.executable, "-m", "cli", "mint", "--domain", DOMAIN, "--broadcast", BROADCAST, "--to", TO,
               "--contacts", str(given), "--out", str(out)]  # fmt: skip
    environ = os.environ | {"TAPTRAIL_CONTROL_URL": ready["control"], "TAPTRAIL_API_KEY": ready["api_key"]}
    started_at_s, started = time.time(), time.perf_counter()
    process = subprocess.Popen(command, env=environ)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"taptrail mint ended with {process.returncode}")
    return Minted("taptrail mint", started_at_s, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def mint_by_api(ready: dict[str, Any], given: Path, out: Path) -> Minted:
    """One request with the CSV. The answer goes to a file as it comes, and becomes CSV when the time is taken."""
    body = {"short_domain": DOMAIN, "destinations": [TO]}
    answer_of(ready, "PUT", f"/v1/domains/{DOMAIN}", b"{}")
    answer_of(ready, "PUT", f"/v1/broadcasts/{BROADCAST}", msgspec.json.encode(body))
    headers = {"Authorization": f"Bearer {ready['api_key']}", "Content-Type": "text/csv"}
    url = f"{ready['control']}/v1/broadcasts/{BROADCAST}/links"
    started_at_s, started, cpu_started = time.time(), time.perf_counter(), time.process_time()
    with (
        given.open("rb") as contacts,
        out.with_suffix(".ndjson").open("wb+") as kept,
        answered("POST", url, contacts, headers=headers, query={}) as answer,
    ):
        for lines in lines_of(answer):
            kept.write(lines)
        seconds, spent_s = time.perf_counter() - started, time.process_time() - cpu_started
        kept.seek(0)
        out.write_bytes(",".join(COLUMNS).encode() + b"\n" + link_lines(kept.read()).csv)
    return Minted("request", started_at_s, seconds, spent_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def answer_of(ready: dict[str, Any], method: str, path: str, body: bytes) -> bytes:
    """Raises SystemExit where the service refuses."""
    headers = {"Authorization": f"Bearer {ready['api_key']}", "Content-Type": "application/json"}
    with answered(method, ready["control"] + path, body, headers=headers, query={}) as answer:
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} was answered {answer.status}: {data.decode()}")
    return data


async def used(ready: dict[str, Any], redis: Redis) -> Used:
    pids = {name: pid for name, pid in ready["pids"].items() if name in ("control", "clickhouse", "redis")}
    return Used(
        {name: cpu_s(pid) for name, pid in pids.items()},
        {name: peak_mb_of(pid) for name, pid in pids.items()},
        (await redis.info("memory"))["used_memory"],
    )


def peak_mb_of(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def faults(clickhouse: ClickHouse, redis: Redis, out: Path, contacts: int) -> list[str]:
    """What is not as it must be, in words."""
    wrong = []
    counts = await clickhouse.value("SELECT [count(), uniqExact(link_id), uniqExact(code)] FROM links")
    if counts != [contacts] * 3:
        wrong.append(f"ClickHouse has [rows, link ids, codes] {counts}, expected {contacts} of each")
    with out.open(newline="") as file:
        rows = [row for number, row in enumerate(csv.DictReader(file)) if number % max(1, contacts // SAMPLES) == 0]
    pipeline = redis.pipeline(transaction=False)
    for row in rows:
        pipeline.get(block_key(int(row["link_id"]) >> BLOCK_BITS))
    blocks = zip(rows, await pipeline.execute(), strict=True)
    found = [link_in(block or b"", int(row["link_id"])) for row, block in blocks]
    missing = sum(link is None or link.contact_id != row["contact_id"] for link, row in zip(found, rows, strict=True))
    if missing:
        wrong.append(f"{missing} of {len(rows)} links are not in Redis as they are in the file")
    return wrong


async def memory_usage(redis: Redis) -> list[int]:
    """MEMORY USAGE of every block of links."""
    keys = [key async for key in redis.scan_iter("tt:k:*", count=1000)]
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.memory_usage(key, samples=0)
    return list(await pipeline.execute())


def csv_seconds(given: Path, out: Path, again: Path) -> float:
    """Reading the contacts and writing the links with the csv module, and nothing in between."""
    with out.open(newline="") as file:
        links = list(csv.reader(file))
    started = time.perf_counter()
    with given.open(newline="") as file:
        for _ in csv.reader(file):
            pass
    with again.open("w", newline="") as file:
        csv.writer(file).writerows(links)
    return time.perf_counter() - started


async def insert_seconds(clickhouse: ClickHouse, ready: dict[str, Any], contacts: int) -> float:
    """The INSERTs of the same rows into an empty copy of the table, one behind the other, their bodies ready."""
    await clickhouse.execute("CREATE TABLE yardstick AS links")
    seconds = 0.0
    async with aiohttp.ClientSession() as session:
        for first in range(0, contacts, INSERT_ROWS):
            rows = f"SELECT * FROM taptrail.links WHERE link_id BETWEEN {first} AND {first + INSERT_ROWS - 1} FORMAT Native"
            async with session.post(ready["clickhouse"], data=rows, raise_for_status=True) as answer:
                body = await answer.read()
            started = time.perf_counter()
            await clickhouse.insert("INSERT INTO yardstick FORMAT Native", body)
            seconds += time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    sys.exit(main())
