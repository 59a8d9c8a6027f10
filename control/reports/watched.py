"""Reports that many people look at: read once for all of them, and again when something has changed."""

import time
from collections.abc import Callable
from hashlib import sha256

import msgspec

from control.catalogue.broadcasts import Broadcasts
from control.http.lists import Listed, Page
from control.reports import statements
from control.reports.contacts import ContactRow, tapped_contacts
from control.reports.filters import NONE, Filters
from control.reports.report import Reports
from control.reports.shapes import Report
from control.reports.shared import Shared
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

FRESH_S = 2.0  # how old what viewers see may be before ClickHouse is asked again
MAX_KEPT = 64  # reports, and pages of contacts, in memory
MAX_ROWS = 200_000  # of all lists of those reports, some 250 bytes each; one report of many audiences may have half
MAX_STATES = 2_000  # broadcasts whose state is in memory, some 200 bytes each; more than are ever looked at together


class View(msgspec.Struct, frozen=True):
    """What somebody looks at."""

    account: str
    broadcast_id: str
    tz: str | None = None
    filters: Filters = NONE


class Seen(msgspec.Struct, frozen=True):
    """A report, what it is of, and the state of the tables that it was read at."""

    state: str
    broadcast: Broadcast
    report: Report


def rows_of(report: Report) -> int:
    """Of all its lists: what a report takes in memory."""
    return sum(len(one) for one in msgspec.structs.asdict(report).values() if isinstance(one, list))


class Watched:
    def __init__(
        self,
        clickhouse: ClickHouse,
        broadcasts: Broadcasts,
        reports: Reports,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clickhouse, self._broadcasts, self._read = clickhouse, broadcasts, reports.read
        self._states: Shared[tuple[str, str], str] = Shared(self._state, FRESH_S, now_s, MAX_STATES)
        self._reports: Shared[View, tuple[Broadcast, Report]] = Shared(
            self._report, float("inf"), now_s, MAX_KEPT, weigh=lambda read: rows_of(read[1]), most_weight=MAX_ROWS
        )
        self._tapped: Shared[tuple[View, Page, str], Listed[ContactRow]] = Shared(
            self._contacts, float("inf"), now_s, MAX_KEPT
        )

    async def state(self, view: View) -> str:
        """A short text that differs when the report may, FRESH_S old at most. Raises what ClickHouse raises."""
        return await self._states.get((view.account, view.broadcast_id))

    async def see(self, view: View) -> Seen:
        """As it was at most FRESH_S ago. Raises Problem, and what ClickHouse raises."""
        state = await self.state(view)
        return Seen(state, *await self._reports.get(view, state))

    async def contacts(self, view: View, asked: Page, q: str) -> Listed[ContactRow]:
        """Of the same age; raises alike."""
        return await self._tapped.get((view, asked, q), await self.state(view))

    async def _state(self, broadcast: tuple[str, str]) -> str:
        account, broadcast_id = broadcast
        found = await self._clickhouse.body(statements.STATE, account=account, id=broadcast_id)
        return sha256(found).hexdigest()[:16]

    async def _report(self, view: View) -> tuple[Broadcast, Report]:
        broadcast = await self._broadcasts.get(view.account, view.broadcast_id)
        return broadcast, await self._read(broadcast, view.tz, view.filters)

    async def _contacts(self, asked: tuple[View, Page, str]) -> Listed[ContactRow]:
        view, page, q = asked
        broadcast = await self._broadcasts.get(view.account, view.broadcast_id)
        return await tapped_contacts(self._clickhouse, broadcast, page, q, view.filters)
