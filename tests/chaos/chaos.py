"""Kill everything again and again under a steady load of taps, then count: no click lost, none counted twice.

python -m tests.chaos.chaos --seed 1 --taps 300000 --kills 20
"""

import argparse
import asyncio
import functools
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from runtime.clickhouse import ClickHouse
from stack.children import answers, pongs
from tests.chaos.changes import Changed, Changes
from tests.chaos.checks import Rows, rows_of
from tests.chaos.kills import NAMES, Killer
from tests.chaos.outages import Outage, explained
from tests.chaos.taps import AT_ONCE, Tally, Taps
from tests.support.stack import Stack

LEDGER = ("answered", "spooled", "waiting", "shipped", "pending", "inserted", "gap")
ARRIVAL_S = 180.0
STILL_S = 5.0  # edges report once a second, and look every other second for what a killed one has left


class Result(msgspec.Struct, frozen=True):
    """One run. `missing` and `doubled` are rows of links, against what those who tapped them saw."""

    seed: int
    killed: Counter[str]
    taps: Tally
    rows: Rows
    unexplained: int  # 503s while one of the stores could have told: only without both may an edge not know a link
    missing: int  # answered taps without a row
    doubled: int  # rows beyond one for a tap
    ledger: dict[str, int]
    ledger_exit: int
    arrived_s: float  # from the last tap until all was in ClickHouse
    changes: Changed

    def differences(self) -> list[str]:
        """What does not add up; nothing when all is well."""
        answered, rows, ledger = len(self.taps.answered), self.rows, self.ledger
        holds = {
            "no tap was answered wrongly": not self.taps.wrong,
            "no tap was refused": self.taps.refused == 0,
            "no tap was shed while a store could answer": self.unexplained == 0,
            "a kill of an edge breaks at most the taps it had in hand":
                len(self.taps.doubtful) <= self.killed["edge"] * AT_ONCE,
            "batches and changes were made": self.changes.batches > 0 < self.changes.patches,
            "every key gives its links again, no code is given twice, the last change is in force":
                not self.changes.wrong,
            "every answered tap is a row": self.missing == 0,
            "no tap is two rows": self.doubled == 0,
            "rows are the answered taps and at most the doubtful ones":
                answered <= rows.rows <= answered + len(self.taps.doubtful),
            "every (lane, seq) is one row": rows.distinct == rows.rows,
            "the projection has the same rows": rows.projected == rows.rows,
            "nothing was set aside": rows.dead == 0,
            "the ledger's answered, spooled, shipped and inserted are the rows":
                {ledger[name] for name in ("answered", "spooled", "shipped", "inserted")} == {rows.rows},
            "nothing is on its way": ledger["waiting"] == ledger["pending"] == 0,
            "taptrail ledger ends with 0": self.ledger_exit == 0 and ledger["gap"] == 0,
        }  # fmt: skip
        return [rule for rule, holding in holds.items() if not holding]

    def table(self) -> str:
        taps, rows = self.taps, self.rows
        lines = {
            "seed": self.seed,
            **{f"kills of {name}": self.killed[name] for name in NAMES},
            "taps answered 302": len(taps.answered),
            "taps whose connection broke": len(taps.doubtful),
            "of them without an answer in time": taps.slow,
            "answered otherwise": len(taps.wrong),
            "503, tapped again": taps.shed,
            "of them while a store could answer": self.unexplained,
            "refused, tapped again": taps.refused,
            "batches minted meanwhile": self.changes.batches,
            "changes of their broadcast": self.changes.patches,
            "requests to control that were repeated": self.changes.repeated,
            "rows": rows.rows,
            "distinct (lane, seq)": rows.distinct,
            "rows of the projection": rows.projected,
            "dead letters": rows.dead,
            "missing": self.missing,
            "doubled": self.doubled,
            **{f"ledger: {name}": self.ledger[name] for name in LEDGER},
            "seconds of load": round(taps.seconds, 1),
            "seconds until all had arrived": round(self.arrived_s, 1),
        }
        verdict = [*self.differences(), *self.changes.wrong] or ["it adds up"]
        return "\n".join(
            ["| what | number |", "|---|---:|", *(f"| {k} | {v} |" for k, v in lines.items()), "", *verdict]
        )


async def chaos(
    folder: Path, *, seed: int, taps: int, kills: int, rate: float, up: Callable[..., Stack] = Stack,
    arrival_s: float = ARRIVAL_S,
) -> Result:  # fmt: skip
    """One run on a stack of its own in `folder`. up: starts it."""
    stack = up(folder, "--edge-workers", "2")
    try:
        codes = await asyncio.to_thread(stack.mint, taps)
        load, killer = Taps(urlsplit(stack.ready["edge"]).port or 0, codes, rate), Killer(stack, seed, kills)
        async with Changes(stack.ready["control"], stack.ready["api_key"]) as changes:
            unexplained = await _broken(stack, load, killer, changes)
            ended = time.monotonic()
            exit_status, ledger = await arrived(stack, arrival_s)
            arrived_s = time.monotonic() - ended
            rows, missing, doubled = await _counted(stack, load.tally)
            changed = await changes.check(stack.ready["edge"], codes)
        counted = (rows, unexplained, missing, doubled, ledger, exit_status, arrived_s, changed)
        return Result(seed, killer.killed, load.tally, *counted)
    finally:
        if stack.process.poll() is None:
            await asyncio.to_thread(stack.stop)


async def _broken(stack: Stack, load: Taps, killer: Killer, changes: Changes) -> int:
    """Kill under load until all is tapped; gives how many 503s nothing explains."""
    outages = _outages(stack)
    background = [asyncio.create_task(work) for work in (*(one.watch() for one in outages), changes.run())]
    async with asyncio.TaskGroup() as together:
        together.create_task(load.run())
        together.create_task(killer.run(len(load.codes), lambda: load.tally.done))
    changes.stop()
    await background.pop()
    for one in background:
        one.cancel()
    return sum(not explained(span, [one.spans for one in outages]) for span in load.tally.shed_in)


def _outages(stack: Stack) -> list[Outage]:
    clickhouse = urlsplit(stack.ready["clickhouse"])
    ping = f"http://{clickhouse.hostname}:{clickhouse.port}/ping"
    return [Outage(functools.partial(pongs, stack.ready["redis"]), 0.5), Outage(functools.partial(answers, ping), 3.0)]


async def arrived(stack: Stack, longest_s: float = ARRIVAL_S) -> tuple[int, dict[str, Any]]:
    """The exit status of `taptrail ledger` and what it says, as soon as nothing is on its way, or when time is up."""
    give_up_at = time.monotonic() + longest_s
    still_since, before = time.monotonic(), None
    while True:
        done = await asyncio.to_thread(stack.run, "ledger", "--json")
        ledger = json.loads(done.stdout) if done.stdout else None
        if ledger is None or ledger["waiting"] or ledger["pending"] or ledger["answered"] != before:
            still_since, before = time.monotonic(), ledger and ledger["answered"]
        elif time.monotonic() - still_since > STILL_S:
            return done.returncode, ledger
        if time.monotonic() > give_up_at:
            assert ledger is not None, done.stderr
            return done.returncode, ledger
        await asyncio.sleep(0.5)


class _Code(msgspec.Struct, frozen=True):
    code: str
    n: int


async def _counted(stack: Stack, tally: Tally) -> tuple[Rows, int, int]:
    """What the tables hold; answered taps without a row; rows beyond one for a tap."""
    clickhouse = ClickHouse(stack.ready["clickhouse"])
    try:
        rows = await rows_of(clickhouse)
        found = await clickhouse.rows("SELECT code, count() AS n FROM clicks GROUP BY code", _Code)
    finally:
        await clickhouse.close()
    by_code = {row.code: row.n for row in found}
    missing = sum(code not in by_code for code in tally.answered)
    known = tally.answered | tally.doubtful
    return rows, missing, sum(n - (code in known) for code, n in by_code.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--taps", type=int, default=300_000)
    parser.add_argument(
        "--kills", type=int, default=20, help="of each: edge worker, aggregator, control, Valkey, ClickHouse"
    )
    parser.add_argument("--rate", type=float, default=500.0, help="taps a second")
    parser.add_argument("--out", type=Path, help="where the table goes; .taptrail/chaos/seed-N.md by default")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="taptrail-chaos-"))
    result = asyncio.run(chaos(folder, seed=given.seed, taps=given.taps, kills=given.kills, rate=given.rate))
    out = given.out or Path(f".taptrail/chaos/seed-{given.seed}.md")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(result.table() + "\n")
    print(result.table())
    if result.differences():
        print(f"logs and data are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
