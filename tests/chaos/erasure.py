"""Erase contacts while clicks arrive, parts merge, and the eraser, ClickHouse and the regrading are killed; then count.

python -m tests.chaos.erasure --interleavings 50 --seed 1 --regrade: random orders of these, each on new links. In
the end nothing names the contacts, each row that was inserted is there once, figures are what they were, a link and its
clicks have one token, and projections answer as the rows do.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from accounting.click_tables import all_counts, unprojected
from aggregator.erasure_sql import tokens_of
from aggregator.migrate import migrate
from aggregator.mutations import unfinished
from records.erasure import ERASURES, STEPS, erasure_number
from records.link import Link
from runtime.clickhouse import ClickHouse
from tests.chaos.engine import Engine
from tests.support.erasure import ask, places_with
from tests.support.eventually import eventually
from tests.support.links import link_in_redis, put_link
from tests.support.processes import ends_with_us, free_port, running, valkey_command
from tests.support.regrade import MONTH_S, differing, projection_faults, rows_judged

BATCH, CONTACTS, GONE = 200, 20, 6  # rows of one insert; contacts of an interleaving, and those that are erased
# Clicks of each interleaving have an hour of their own: from 128 contacts on uniqCombined estimates, and gives another
# number for rows than for the same rows' states merged.
HOUR_S = 3600
LATEST_KILL_S = 2.5  # since an erasure was asked for; its first mutation begins after a second or two
MARK = "gone-"  # begins the ids of contacts that are erased
KEPT = ("lane", "seq", "click_id", "broadcast_id", "status", "asn", "method", "link_id")
AUDIT = {f"{ERASURES}.contact_hash"}  # as tests/support/erasure.py makes it
FIGURES = """
SELECT broadcast_id, toUInt32(toYYYYMM(clicked_at)), count(), uniqExact(contact_id) FROM clicks
GROUP BY ALL ORDER BY ALL FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0
"""
TWO_TOKENS = """
SELECT count() FROM clicks INNER JOIN links USING link_id WHERE clicks.contact_id != links.contact_id
"""
PERSON = "user_agent, sec_ch_ua, ip_prefix, code, destination"


class Erasing:
    """Stores of its own, what was inserted into them, and the processes that erase and judge."""

    def __init__(self, folder: Path, seed: int, redis_url: str, *, regrades: bool) -> None:
        self.rng, self.engine, self._folder = random.Random(seed), Engine(folder), folder
        self._redis_url, self.redis, self._regrades = redis_url, Redis.from_url(redis_url), regrades
        self.inserted: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []  # of this interleaving
        self._lanes = 0
        self.kills: Counter[str] = Counter()
        self._commands: list[subprocess.Popen[bytes]] = []
        self._eraser: subprocess.Popen[bytes] | None = None

    @property
    def clickhouse(self) -> ClickHouse:
        return self.engine.clickhouse

    async def mint(self, number: int) -> None:
        """Links of new contacts, each in two broadcasts, also in Redis."""
        first, self.since = 1 + 2 * CONTACTS * number, 1_790_000_000 + number * HOUR_S
        names = [f"{MARK if each < GONE else 'c-'}{number}-{each}" for each in range(CONTACTS)]
        self.links = [
            {"link_id": first + place, "account": "main", "short_domain": "go.acme.example", "code": f"code{place:05}",
             "broadcast_no": 1 + place % 2, "broadcast_id": ("spring", "autumn")[place % 2],
             "contact_id": names[place // 2], "fields": {"order": names[place // 2]}, "minted_at": 1_790_000_000}
            for place in range(2 * CONTACTS)
        ]  # fmt: skip
        await self.clickhouse.insert_rows("links", self.links)
        for link in self.links:
            record = Link(link["broadcast_no"], 0, 0, link["contact_id"], "", link["fields"])
            await put_link(self.redis, link["link_id"], record)

    async def insert(self) -> None:
        """A batch of one month. With tokens where links are known to be erased, as an aggregator has them."""
        self._lanes += 1
        month, rows = self.rng.randrange(2) * MONTH_S, rows_judged(1, BATCH, self.rng)
        known = await self.clickhouse.rows(tokens_of([link["link_id"] for link in self.links]), dict)
        tokens = {row["link_id"]: row["token"] for row in known}
        sent = []
        for row in rows:
            link = self.rng.choice(self.links)
            row |= {name: link[name] for name in ("link_id", "broadcast_no", "broadcast_id", "contact_id", "code")}
            row |= {"lane": self._lanes, "clicked_at": self.since + month, "visitor_id": self.rng.getrandbits(63)}
            row |= {"destination": f"https://acme.example/?c={link['contact_id']}"}
            bare = dict.fromkeys(PERSON.split(", "), "")
            sent.append(row | bare | {"contact_id": tokens[link["link_id"]]} if link["link_id"] in tokens else row)
        self.inserted += rows
        await self.clickhouse.insert_rows("clicks", sent)

    async def merge(self) -> None:
        await self.clickhouse.execute(f"OPTIMIZE TABLE clicks {self.rng.choice(['', 'FINAL'])}")

    async def ask(self) -> None:
        """For one that is to go, now and then for one that is asked for already."""
        contact_id = self.rng.choice(self.links[: 2 * GONE])["contact_id"]
        await ask(self.clickhouse, erasure_number(time.time_ns() // 1_000_000, self.rng.getrandbits(20)), contact_id)

    async def wait(self) -> None:
        await asyncio.sleep(self.rng.random() * LATEST_KILL_S)

    async def kill_eraser(self) -> None:
        await self.ask()
        await self._moment()
        self.end_eraser()
        self.kills["eraser"] += 1
        self.start_eraser()

    async def kill_clickhouse(self) -> None:
        await self.ask()
        await self._moment()
        self.engine.kill()
        self.kills["clickhouse"] += 1
        await self.engine.start_again()

    async def regrade(self) -> None:
        """Beside what comes next."""
        self._commands.append(self._command())

    async def kill_regrade(self) -> None:
        command = self._command()
        await self._moment()
        command.kill()
        command.wait()
        self.kills["regrade"] += 1

    async def _moment(self) -> None:
        """Some time, or the instant at which a mutation is seen."""
        if self.rng.random() < 0.4:
            await self.wait()
            return
        table = self.rng.choice(["clicks", "clicks", "links"])
        until = time.monotonic() + LATEST_KILL_S
        while time.monotonic() < until and not await unfinished(self.clickhouse, table):
            await asyncio.sleep(0.002)
        await asyncio.sleep(self.rng.random() * 0.05)

    def start_eraser(self) -> None:
        with (self._folder / "eraser.log").open("ab") as out:
            self._eraser = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.eraser", self.engine.url, self._redis_url],
                stdout=out, stderr=out, preexec_fn=ends_with_us(),  # noqa: PLW1509
            )  # fmt: skip

    def end_eraser(self) -> None:
        if self._eraser is not None:
            self._eraser.kill()
            self._eraser.wait()

    def _command(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "regrade", "--json"],
            env={**os.environ, "TAPTRAIL_CLICKHOUSE_URL": self.engine.url},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=ends_with_us(),  # noqa: PLW1509
        )  # fmt: skip

    async def interleave(self, number: int, steps: int) -> None:
        await self.mint(number)
        await self.insert()
        kinds = [self.insert, self.merge, self.ask, self.wait, self.kill_eraser, self.kill_clickhouse]
        weights = [3, 2, 2, 1, 2, 1]
        if self._regrades:
            kinds, weights = [*kinds, self.regrade, self.kill_regrade], [*weights, 2, 1]
        for step in self.rng.choices(kinds, weights=weights, k=steps):
            await step()

    async def check(self) -> None:
        """Erase who is left, wait, and count."""
        for link in self.links[: 2 * GONE : 2]:
            number = erasure_number(time.time_ns() // 1_000_000, self.rng.getrandbits(20))
            await ask(self.clickhouse, number, link["contact_id"])
        open_ones = (
            f"SELECT count() FROM {ERASURES} WHERE erasure NOT IN (SELECT erasure FROM {STEPS} WHERE step = 'done')"
        )
        await eventually(lambda: self.clickhouse.value(open_ones), equals=0, within_s=120)
        await self._judged()
        assert set(await places_with(self.clickhouse, MARK)) <= AUDIT
        assert await self._in_redis() == []
        assert await self.clickhouse.value(TWO_TOKENS) == 0
        faults = await projection_faults(self.clickhouse)
        assert faults == [], faults
        assert await unprojected(self.clickhouse) == 0
        await self._nothing_else_moved()

    async def _judged(self) -> None:
        """What was begun to be judged is done, and what is left is judged too."""
        for command in self._commands:
            await eventually(command.poll, lambda code: code is not None, within_s=120)
        self._commands.clear()
        await eventually(lambda: unfinished(self.clickhouse, "clicks"), equals=[], within_s=60)
        if not self._regrades:
            return
        last = self._command()
        await eventually(last.poll, equals=0, within_s=120)
        assert await differing(self.clickhouse, "NOT startsWith(contact_id, 'erased-')") == 0

    async def _in_redis(self) -> list[int]:
        """Links of erased contacts that Redis still has."""
        gone = self.links[: 2 * GONE]
        return [
            link["link_id"] for link in gone if await link_in_redis(self.redis, link["link_id"])
        ]  # fmt: skip

    async def _nothing_else_moved(self) -> None:
        counts = await all_counts(self.clickhouse, {})
        per_lane = {lane: (one.click_rows, one.clicks, one.last_seq) for lane, one in counts.items()}
        assert per_lane == dict.fromkeys(range(1, self._lanes + 1), (BATCH, BATCH, BATCH))
        assert await _lines(self.clickhouse, FIGURES) == _figures(self.inserted)
        order = f"SELECT {', '.join(KEPT)} FROM clicks ORDER BY lane, seq FORMAT JSONCompactEachRow"
        settings = " SETTINGS output_format_json_quote_64bit_integers = 0"
        assert await _lines(self.clickhouse, order + settings) == [
            [row[name] for name in KEPT] for row in self.inserted
        ]
        others = f"SELECT contact_id, {PERSON} FROM clicks WHERE NOT startsWith(contact_id, 'erased-')"
        kept = [row for row in self.inserted if not row["contact_id"].startswith(MARK)]
        assert await _lines(self.clickhouse, f"{others} ORDER BY lane, seq FORMAT JSONCompactEachRow") == [
            [row["contact_id"], *(row.get(name, "") for name in PERSON.split(", "))] for row in kept
        ]


def _figures(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Rows and contacts by broadcast and month."""
    found: dict[tuple[str, int], list[str]] = {}
    for row in rows:
        month = int(time.strftime("%Y%m", time.gmtime(row["clicked_at"])))
        found.setdefault((row["broadcast_id"], month), []).append(row["contact_id"])
    return [[*key, len(names), len(set(names))] for key, names in sorted(found.items())]


async def _lines(clickhouse: ClickHouse, sql: str) -> list[Any]:
    return [msgspec.json.decode(line) for line in (await clickhouse.body(sql)).splitlines()]


async def main(interleavings: int, seed: int, steps: int = 6, *, regrades: bool = False) -> Counter[str]:
    """Raises AssertionError. Gives the kills."""
    with tempfile.TemporaryDirectory(prefix="erasure-") as name:
        folder, port = Path(name), free_port()
        with running(valkey_command(folder / "valkey", port), port, folder / "valkey.log"):
            erasing = Erasing(folder, seed, f"redis://127.0.0.1:{port}", regrades=regrades)
            erasing.engine.start()
            try:
                await migrate(erasing.clickhouse)
                erasing.start_eraser()
                for number in range(interleavings):
                    await erasing.interleave(number, steps)
                    await erasing.check()
                    print(f"{number + 1}: killed {dict(erasing.kills)}", flush=True)
            finally:
                erasing.end_eraser()
                await erasing.redis.aclose()
                await erasing.engine.end()
    return erasing.kills


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interleavings", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--regrade", action="store_true", help="judge clicks again at the same time")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.interleavings, arguments.seed, regrades=arguments.regrade))
