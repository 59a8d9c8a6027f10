"""Links a second from a CSV of contacts to a CSV of short URLs, and what they take: CPU, memory, bytes in Redis.

    python -m loadtest.bench_mint [--contacts 1000000] [--uuid]

Starts `taptrail up`, mints with the `taptrail` command into empty stores, and checks what came of it. The yardstick is
what nobody can leave out: reading and writing as many lines with Python's csv, and the bare INSERT of the same rows.
"""

import argparse
import asyncio
import csv
import os
import random
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
import psutil
from redis.asyncio import Redis

from records.keys import bucket_of, field_of
from records.link import decode_link
from runtime.clickhouse import ClickHouse
from stack.demo import DOMAIN, start_stack, stop_stack

BROADCAST = "bench"
TO = "https://shop.acme.example/?c={contact_id}"
AUDIENCES = ("vip", "regular", "new", "lapsed")
INSERT_ROWS = 50_000
SAMPLES = 10_000
REACH_RATE = 100_000  # links/s
REACH_BYTES = {False: 24, True: 50}  # of Redis for each link; True with UUIDs


class Used(msgspec.Struct, frozen=True):
    """What the processes of the stack have used so far."""

    cpu_s: dict[str, float]
    peak_mb: dict[str, float]
    redis_bytes: int


class Minted(msgspec.Struct, frozen=True):
    started_at_s: float
    seconds: float  # of the whole command
    cpu_s: float  # of the command's process, as the next
    peak_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--uuid", action="store_true", help="contact ids are UUIDs instead of 10 characters")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-mint-") as name:
        stack, ready = start_stack(Path(name))
        try:
            return asyncio.run(_bench(Path(name), ready, options.contacts, as_uuid=options.uuid))
        finally:
            stop_stack(stack)


async def _bench(folder: Path, ready: dict[str, Any], contacts: int, *, as_uuid: bool) -> int:
    given, out = folder / "contacts.csv", folder / "links.csv"
    write_contacts(given, contacts, as_uuid=as_uuid)
    redis, clickhouse = Redis.from_url(ready["redis"]), ClickHouse(ready["clickhouse"], timeout_s=300)
    try:
        before = await used(ready, redis)
        minted = await asyncio.to_thread(mint, ready, given, out)
        after = await used(ready, redis)
        checked_s = await clickhouse.value("SELECT max(toFloat64(minted_at)) FROM mints") - minted.started_at_s
        wrong = await faults(clickhouse, redis, out, contacts)
        measured = await memory_usage(redis)
        csv_s = csv_seconds(given, out, folder / "again.csv")
        insert_s = await insert_seconds(clickhouse, ready["clickhouse"], contacts)
    finally:
        await redis.aclose()
        await clickhouse.close()
    rate, per_link = contacts / minted.seconds, sum(measured) / contacts
    by_info = (after.redis_bytes - before.redis_bytes) / contacts
    for line in (
        f"{contacts:,} links in {minted.seconds:.2f} s: {rate:,.0f} links/s, CSV to short URLs (to reach: "
        f"{REACH_RATE:,})",
        f"until the file is checked and its ids are claimed {checked_s:.2f} s, until the last short URL "
        f"{minted.seconds - checked_s:.2f} s",
        f"yardstick: csv module {csv_s:.2f} s, bare INSERT {insert_s:.2f} s; minting takes "
        f"{minted.seconds / (csv_s + insert_s):.2f} times both",
        *_processes(before, after, minted),
        f"Redis, bytes a link (to reach: {REACH_BYTES[as_uuid]}): {per_link:.1f} by MEMORY USAGE of all {len(measured):,} "
        f"buckets, {_sampled(measured, contacts):.1f} by 100 of them, {by_info:.1f} by used_memory of INFO",
        *(f"WRONG: {fault}" for fault in wrong),
    ):
        print(line)
    reached = rate >= REACH_RATE and max(per_link, by_info) <= REACH_BYTES[as_uuid]
    print("reached" if reached and not wrong else "NOT REACHED")
    return 1 if wrong else 0


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
    return Minted(started_at_s, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


async def used(ready: dict[str, Any], redis: Redis) -> Used:
    pids = {name: pid for name, pid in ready["pids"].items() if name in ("control", "clickhouse", "redis")}
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return Used(
        {name: spent.user + spent.system for name, spent in times.items()},
        {name: _peak_mb(pid) for name, pid in pids.items()},
        (await redis.info("memory"))["used_memory"],
    )


def _peak_mb(pid: int) -> float:
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
        pipeline.hget(bucket_of(int(row["link_id"])), str(field_of(int(row["link_id"]))))
    found = [decode_link(value).contact_id if value else None for value in await pipeline.execute()]
    missing = sum(contact_id != row["contact_id"] for contact_id, row in zip(found, rows, strict=True))
    if missing:
        wrong.append(f"{missing} of {len(rows)} links are not in Redis as they are in the file")
    return wrong


async def memory_usage(redis: Redis) -> list[int]:
    """MEMORY USAGE of every bucket of links."""
    keys = [key async for key in redis.scan_iter("tt:l:*", count=1000)]
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.memory_usage(key, samples=0)
    return list(await pipeline.execute())


def _sampled(measured: list[int], contacts: int) -> float:
    some = random.Random(1).sample(measured, min(100, len(measured)))
    return sum(some) / len(some) * len(measured) / contacts


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


async def insert_seconds(clickhouse: ClickHouse, url: str, contacts: int) -> float:
    """The INSERTs of the same rows into an empty copy of the table, one behind the other, their bodies ready."""
    await clickhouse.execute("CREATE TABLE yardstick AS links")
    seconds = 0.0
    async with aiohttp.ClientSession() as session:
        for first in range(0, contacts, INSERT_ROWS):
            rows = f"SELECT * FROM taptrail.links WHERE link_id BETWEEN {first} AND {first + INSERT_ROWS - 1} FORMAT Native"
            async with session.post(url, data=rows, raise_for_status=True) as answer:
                body = await answer.read()
            started = time.perf_counter()
            await clickhouse.insert("INSERT INTO yardstick FORMAT Native", body)
            seconds += time.perf_counter() - started
    return seconds


def _processes(before: Used, after: Used, minted: Minted) -> Iterator[str]:
    yield f"{'process':12} {'CPU s':>7} {'peak MB':>8} {'before':>7}"
    yield f"{'taptrail mint':13}{minted.cpu_s:7.2f} {minted.peak_mb:8.0f} {'':>7}"
    for name in after.cpu_s:
        spent = after.cpu_s[name] - before.cpu_s[name]
        yield f"{name:12} {spent:7.2f} {after.peak_mb[name]:8.0f} {before.peak_mb[name]:7.0f}"


if __name__ == "__main__":
    sys.exit(main())
