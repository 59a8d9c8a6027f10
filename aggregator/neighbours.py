"""Judges visits by those beside them, every few minutes; no visit shows alone that a scanner made it.

Each aggregator does so over all clicks, whichever of them inserted these: the second finds nothing left to change.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec

from aggregator.mutations import forget_run
from aggregator.neighbour_sql import MAP, ROWS, SENDINGS, SHARES, update
from aggregator.scans_seen import Network, ScansSeen
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from visitors.agents import VisitClass
from visitors.classify import Verdict
from visitors.neighbours import NEIGHBOUR_REASONS, with_neighbours
from visitors.scanners import LONG_S, Sending, Tap, reasons_of, scans_in, trusted_send

OVERLAP_S = LONG_S  # what came before the last look is looked at again for as long
RENTED = ("network-hosting", "network-security-vendor")

log = logging.getLogger(__name__)


class _Row(msgspec.Struct, frozen=True, gc=False):
    account: str
    broadcast_id: str
    ip_prefix: str
    partition: str
    lane: int
    seq: int
    at_ms: int
    link_id: int
    contact_id: str
    agent: str
    visit_class: str
    class_reasons: tuple[str, ...]

    @property
    def network(self) -> Network:
        return self.account, self.broadcast_id, self.ip_prefix


class _SendingRow(msgspec.Struct, frozen=True):
    account: str
    broadcast_id: str
    sent_at_ms: int
    links_a_message: int
    visits: int
    before_send: int
    people_a_minute: int

    def with_share(self, share: float) -> Sending:
        sent_at_ms = trusted_send(self.sent_at_ms, self.visits, self.before_send)
        return Sending(sent_at_ms, self.links_a_message, self.people_a_minute, share)


class _ShareRow(msgspec.Struct, frozen=True):
    ip_prefix: str
    share: float


class Neighbours:
    """now_s: Unix seconds. seen: told of every scan that goes on, so that new rows get the verdict at once."""

    def __init__(self, clickhouse: ClickHouse, seen: ScansSeen, now_s: Callable[[], float]) -> None:
        self._clickhouse, self._seen, self._now_s = clickhouse, seen, now_s
        self._looked_at_s = 0.0
        self.rows_changed: Counter[str] = Counter()  # by reason

    async def run(self, every_s: float) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except (ClickHouseRefused, ClickHouseUnreachable) as error:
                log.warning("scans_deferred: ClickHouse is unavailable", extra={"error": str(error)[:300]})

    async def look(self) -> int:
        """Judge what has come since the last look; gives the number of rows that got another verdict."""
        began_s = self._now_s()
        since_ms = int((self._looked_at_s or began_s - 86_400) * 1000) - OVERLAP_S * 1000
        sendings = await self._sendings(since_ms)
        shares = await self._shares(since_ms) if sendings else {}
        changes = _Changes(secrets.randbits(63))
        async with aclosing(self._by_network(since_ms)) as networks:
            async for rows in networks:
                account, broadcast_id, ip_prefix = rows[0].network
                known = sendings.get((account, broadcast_id))
                sending = known.with_share(shares.get(ip_prefix, 0.0)) if known else Sending()
                await asyncio.to_thread(self._judge, rows, sending, changes)
        await self._write(changes)
        self._looked_at_s = began_s
        return len(changes.rows)

    async def _sendings(self, since_ms: int) -> dict[tuple[str, str], _SendingRow]:
        rows = await self._clickhouse.rows(SENDINGS, _SendingRow, since=since_ms)
        return {(row.account, row.broadcast_id): row for row in rows}

    async def _by_network(self, since_ms: int) -> AsyncGenerator[list[_Row]]:
        """The visits of one network to one broadcast at a time."""
        decoder = msgspec.json.Decoder(_Row)
        rows: list[_Row] = []
        async for line in self._clickhouse.lines(ROWS, since=since_ms, neighbours=list(NEIGHBOUR_REASONS)):
            row = decoder.decode(line)
            if rows and row.network != rows[0].network:
                yield rows
                rows = []
            rows.append(row)
        if rows:
            yield rows

    async def _shares(self, since_ms: int) -> dict[str, float]:
        """By ip_prefix, its share of the visits of former broadcasts."""
        rows = await self._clickhouse.rows(SHARES, _ShareRow, since=since_ms, neighbours=list(NEIGHBOUR_REASONS))
        return {row.ip_prefix: row.share for row in rows}

    def _judge(self, rows: list[_Row], sending: Sending, changes: "_Changes") -> None:
        taps = [
            Tap(row.at_ms, row.link_id, row.contact_id, row.agent, any(name in row.class_reasons for name in RENTED))
            for row in rows
        ]
        scans = scans_in(taps, sending)
        self._seen.note(rows[0].network, scans, self._now_s())
        for index, reasons in reasons_of(taps, sending, scans).items():
            row = rows[index]
            own = tuple(reason for reason in row.class_reasons if reason not in NEIGHBOUR_REASONS)
            verdict = with_neighbours(Verdict(VisitClass(row.visit_class), own), {*row.class_reasons, *reasons})
            if verdict != Verdict(VisitClass(row.visit_class), row.class_reasons):
                changes.add(row, verdict.reasons)
                self.rows_changed.update(reasons - set(row.class_reasons))

    async def _write(self, changes: "_Changes") -> None:
        if not changes.rows:
            return
        await self._clickhouse.insert_rows(MAP, changes.rows)
        for partition in sorted(changes.partitions):
            await self._clickhouse.execute(update(partition, changes.run, list(changes.verdicts)))
        log.info("scans_found: visits got the verdict of their neighbours", extra={"rows": len(changes.rows)})
        await forget_run(self._clickhouse, MAP, changes.run)


class _Changes:
    """Which rows get which reasons, in one look."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.rows: list[dict[str, int]] = []
        self.verdicts: dict[tuple[str, ...], int] = {}
        self.partitions: set[str] = set()

    def add(self, row: _Row, reasons: tuple[str, ...]) -> None:
        verdict = self.verdicts.setdefault(reasons, len(self.verdicts))
        self.rows.append({"run": self.run, "lane": row.lane, "seq": row.seq, "verdict": verdict})
        self.partitions.add(row.partition)
