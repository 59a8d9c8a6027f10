"""Judges the rows of `clicks` again by the rules of this release. Verdicts stay in the row: one plain table to ask.

Each different evidence is judged once. Only rows whose verdict differs are written, by ALTER TABLE ... UPDATE: a
mutation goes part by part, is finished by ClickHouse itself when either side is killed, and carries the projections
with it. A lightweight UPDATE or DELETE does not: one leaves all projections of the table unused, the other makes them
wrong.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from aggregator.mutations import forget_run, parts_left_while
from aggregator.regrade_sql import CHANGES, EVIDENCE, FORMER_VERSIONS, IS_KNOWN, MAP, RUNS, update
from runtime.clickhouse import ClickHouse
from visitors.classify import CLASSIFIER_VERSION, Verdict, classify
from visitors.evidence import Evidence
from visitors.neighbours import with_neighbours

CHUNK = 200_000  # verdicts that one statement holds in memory


class Filter(msgspec.Struct, frozen=True):
    """Which rows are judged again, of those that an older classifier has judged."""

    broadcast_id: str = ""  # '' for all
    since_ms: int = 0  # Unix milliseconds; a row clicked then or later


class Change(msgspec.Struct, frozen=True):
    """Rows of a broadcast that change their class."""

    broadcast_id: str
    old: str
    new: str
    rows: int


class Counted(msgspec.Struct, frozen=True):
    """Rows of a partition whose verdict differs; old and new are the same where only the reasons do."""

    partition: str
    chunk: int
    broadcast_id: str
    old: str
    new: str
    rows: int


class Found(msgspec.Struct, frozen=True):
    """What a run would change, or changes."""

    judged: int  # different evidence
    former_versions: list[int]  # that had judged the rows
    counted: list[Counted]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.counted)

    @property
    def changes(self) -> list[Change]:
        """By broadcast, over all partitions; of the class alone."""
        sums: dict[tuple[str, str, str], int] = {}
        for one in self.counted:
            if one.old != one.new:
                key = (one.broadcast_id, one.old, one.new)
                sums[key] = sums.get(key, 0) + one.rows
        return [Change(*key, rows) for key, rows in sorted(sums.items())]

    def by_statement(self) -> list[tuple[str, int, int]]:
        """(partition, chunk, rows), the oldest partition first."""
        sums: dict[tuple[str, int], int] = {}
        for one in self.counted:
            sums[one.partition, one.chunk] = sums.get((one.partition, one.chunk), 0) + one.rows
        return [(*key, rows) for key, rows in sorted(sums.items())]


class _Judged(msgspec.Struct, frozen=True, array_like=True):
    """A different evidence, with the former verdicts on it and the hash of each."""

    evidence: tuple[Any, ...]
    former: list[tuple[str, tuple[str, ...], int]]


class Progress(msgspec.Struct, frozen=True):
    rows: int  # of partitions that are done
    parts_left: int  # of the statement under way


class Regrade:
    """One run. `find` changes no click; `apply` writes what was found. Each raises what ClickHouse raises.

    A run that was killed is not taken up: ClickHouse finishes the statement it has, and the next run finds the rest.
    """

    def __init__(
        self,
        clickhouse: ClickHouse,
        which: Filter,
        version: int = CLASSIFIER_VERSION,
        *,
        keep_agents_months: int = 0,
    ) -> None:
        """clickhouse: with a timeout that a statement over a whole partition keeps."""
        self._keep_agents_months = keep_agents_months
        self._clickhouse, self._which, self._version = clickhouse, which, version
        self._run = secrets.randbits(63)

    async def is_known(self) -> bool:
        """Whether there is such a broadcast, where the filter names one."""
        name = self._which.broadcast_id
        return not name or bool(await self._clickhouse.value(IS_KNOWN, broadcast=name))

    async def find(self) -> Found:
        """Judge each different evidence once, and count the rows whose verdict differs."""
        judged, chunk, differing = 0, 0, list[dict[str, Any]]()
        async for each in self._evidence():
            judged += 1
            differing += ({**verdict, "run": self._run, "chunk": chunk} for verdict in differing_verdicts(each))
            if len(differing) >= CHUNK:
                await self._clickhouse.insert_rows(MAP, differing)
                chunk, differing = chunk + 1, []
        if differing:
            await self._clickhouse.insert_rows(MAP, differing)
        former = await self._clickhouse.value(FORMER_VERSIONS, **self._parameters())
        counted = await self._clickhouse.rows(CHANGES, Counted, **self._parameters()) if differing or chunk else []
        return Found(judged, former, counted)

    async def apply(self, found: Found) -> AsyncIterator[Progress]:
        """Write the verdicts, oldest partition first."""
        await self._record("begun", found)
        done = 0
        for partition, chunk, rows in found.by_statement():
            sql = update(partition, chunk)
            async for parts_left in parts_left_while(self._clickhouse, sql, self._parameters(), str(self._run)):
                yield Progress(done, parts_left)
            done += rows
            yield Progress(done, 0)
        await self._record("done", found)

    async def forget(self) -> None:
        """Drop the verdicts of this run, and of runs that were killed a day ago; not those that a mutation needs."""
        await forget_run(self._clickhouse, MAP, self._run)

    async def _evidence(self) -> AsyncIterator[_Judged]:
        decoder = msgspec.json.Decoder(_Judged)
        async for line in self._clickhouse.lines(EVIDENCE, **self._parameters()):
            yield decoder.decode(line)

    async def _record(self, state: str, found: Found) -> None:
        row = {
            "run": self._run, "state": state, "broadcast_id": self._which.broadcast_id,
            "since": self._which.since_ms / 1000, "classifier_version": self._version,
            "former_versions": found.former_versions,
            "judged": found.judged, "rows": found.rows,
            "changes": msgspec.to_builtins(found.changes),
        }  # fmt: skip
        await self._clickhouse.insert_rows(RUNS, [row])

    def _parameters(self) -> dict[str, Any]:
        return {
            "run": self._run, "version": self._version, "broadcast": self._which.broadcast_id,
            "since": self._which.since_ms, "keep": self._keep_agents_months,
        }  # fmt: skip


def differing_verdicts(judged: _Judged) -> Iterator[dict[str, Any]]:
    """The former verdicts on this evidence that are not what it gets now, with that."""
    verdict = classify(Evidence(*judged.evidence))
    for visit_class, reasons, evidence in judged.former:
        now = with_neighbours(verdict, reasons)
        if now != Verdict(visit_class, reasons):  # type: ignore[arg-type]  # a member of VisitClass is its text
            yield {"evidence": evidence, "visit_class": now.visit_class, "class_reasons": now.reasons}
