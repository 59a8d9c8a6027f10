"""Judge clicks again while they arrive, while parts merge, and while the command or ClickHouse is killed; then count.

python -m tests.chaos.regrade --interleavings 50 --seed 1: random orders of these, each on new months of the same table.
In the end every row says what its columns say, projections answer as the rows do, each row that was inserted is there
once, with every column that is no verdict as it was, and a run more changes nothing.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from accounting.click_tables import all_counts, unprojected
from aggregator.migrate import migrate
from aggregator.mutations import unfinished
from aggregator.regrade_sql import RUNS
from runtime.clickhouse import ClickHouse
from tests.chaos.engine import Engine
from tests.support.eventually import eventually
from tests.support.processes import ends_with_us
from tests.support.regrade import MONTH_S, differing, projection_faults, rows_judged

BATCH = 400  # of one insert
LATEST_KILL_S = 1.6  # from the start of the command: it takes about a second to begin
COLUMNS = ("lane", "seq", "click_id", "contact_id", "broadcast_id", "status", "asn", "method", "user_agent", "purpose")


class Regrading:
    """A ClickHouse of its own, what was inserted into it, and the commands that judge it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng, self.engine = random.Random(seed), Engine(folder)
        self.inserted: dict[int, list[dict[str, Any]]] = {}  # lane -> rows
        self.kills = {"clickhouse": 0, "command": 0}

    @property
    def clickhouse(self) -> ClickHouse:
        return self.engine.clickhouse

    async def insert(self) -> None:
        """A batch of one month, which is one part: it is there as a whole, or inserted again."""
        lane = len(self.inserted) + 1
        month = self.rng.randrange(3) * MONTH_S
        self.inserted[lane] = [
            row | {"lane": lane, "clicked_at": 1_790_000_000 + month} for row in rows_judged(1, BATCH, self.rng)
        ]
        await self.clickhouse.insert_rows("clicks", self.inserted[lane])

    async def merge(self) -> None:
        await self.clickhouse.execute(f"OPTIMIZE TABLE clicks {self.rng.choice(['', 'FINAL'])}")

    async def regrade(self) -> None:
        """To its end, beside inserts and merges."""
        command = self._command()
        for step in self.rng.choices([self.insert, self.merge], k=self.rng.randrange(4)):
            await asyncio.sleep(self.rng.random() * 0.5)
            await step()
        await _ended(command)
        assert command.returncode == 0, command.communicate()[1].decode()

    async def kill_command(self) -> None:
        command = self._command()
        await self._moment()
        command.kill()
        await _ended(command)
        self.kills["command"] += 1

    async def kill_clickhouse(self) -> None:
        """The command says that it was cut off, or had ended before."""
        command = self._command()
        await self._moment()
        self.engine.kill()
        self.kills["clickhouse"] += 1
        await _ended(command)
        said = command.communicate()[1].decode()
        assert command.returncode == 0 or "run this again" in said or "refuses" in said, said
        await self.engine.start_again()

    async def _moment(self) -> None:
        """Some time, or the instant at which a mutation is seen."""
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.random() * LATEST_KILL_S)
            return
        until = asyncio.get_running_loop().time() + 2 * LATEST_KILL_S
        while asyncio.get_running_loop().time() < until and not await unfinished(self.clickhouse, "clicks"):
            await asyncio.sleep(0.002)
        await asyncio.sleep(self.rng.random() * 0.1)

    def _command(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "regrade", "--json"],
            env={**os.environ, "TAPTRAIL_CLICKHOUSE_URL": self.engine.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=ends_with_us(),  # noqa: PLW1509
        )

    async def interleave(self, steps: int) -> None:
        await self.insert()
        kinds = [self.insert, self.merge, self.regrade, self.kill_command, self.kill_clickhouse]
        for step in self.rng.choices(kinds, weights=[2, 1, 1, 1, 1], k=steps):
            await step()

    async def check(self) -> None:
        """Judge what is left, and count."""
        await self._whole()
        command = self._command()
        await _ended(command)
        assert command.returncode == 0, command.communicate()[1].decode()
        assert await differing(self.clickhouse) == 0
        faults = await projection_faults(self.clickhouse)
        assert faults == [], faults
        assert await unprojected(self.clickhouse) == 0
        await self._nothing_else_moved()
        again = self._command()
        await _ended(again)
        assert msgspec.json.decode(again.communicate()[0])["changes"] == []

    async def cut_off(self) -> int:
        """Runs that were killed after they had begun to write."""
        return int(
            await self.clickhouse.value("SELECT uniqExactIf(run, state = 'begun') - uniqExactIf(run, state = 'done')"
                                        f" FROM {RUNS}")
        )  # fmt: skip

    async def _whole(self) -> None:
        """What ClickHouse had begun before it was killed is done."""
        await eventually(lambda: unfinished(self.clickhouse, "clicks"), equals=[], within_s=60)

    async def _nothing_else_moved(self) -> None:
        counts = await all_counts(self.clickhouse, {})
        assert {lane: (one.click_rows, one.clicks, one.last_seq) for lane, one in counts.items()} == {
            lane: (len(rows), len(rows), len(rows)) for lane, rows in self.inserted.items()
        }
        body = await self.clickhouse.body(
            f"SELECT {', '.join(COLUMNS)} FROM clicks ORDER BY lane, seq FORMAT JSONCompactEachRow"
        )
        expected = [[row[name] for name in COLUMNS] for rows in self.inserted.values() for row in rows]
        assert [msgspec.json.decode(line) for line in body.splitlines()] == expected


async def _ended(command: "subprocess.Popen[bytes]") -> None:
    await eventually(command.poll, lambda code: code is not None, within_s=120)


async def main(interleavings: int, seed: int, steps: int = 6) -> dict[str, int]:
    """Raises AssertionError, naming the interleaving. Gives the kills."""
    with tempfile.TemporaryDirectory(prefix="regrade-") as folder:
        regrading = Regrading(Path(folder), seed)
        regrading.engine.start()
        try:
            await migrate(regrading.clickhouse)
            for number in range(interleavings):
                await regrading.interleave(steps)
                await regrading.check()
                cut_off = await regrading.cut_off()
                print(f"{number + 1}: killed {regrading.kills}, {cut_off} times in the middle", flush=True)
        finally:
            await regrading.engine.end()
    return regrading.kills


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interleavings", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.interleavings, arguments.seed))
