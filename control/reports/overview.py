"""The figures of the broadcasts that a list shows: each as in its report, all of them in two statements.

What changes is seen in a projection, which is small however many clicks there are. Only broadcasts that have changed
since they were last shown are counted, by the view that their report reads.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

MAX_KEPT = 5_000  # broadcasts whose figures are in memory, some 3 MB
CURVE_HOURS, CURVE_POINTS = 48, 24
_MAX_HOURS = 2 * CURVE_HOURS  # of a broadcast that are read for its curve, the first ones with a tap of a person

# Each column by itself as well: the key of clicks and an index of links know them so.
_THESE = (
    "account IN {accounts:Array(String)} AND broadcast_id IN {ids:Array(String)}"
    " AND (account, broadcast_id) IN arrayZip({accounts:Array(String)}, {ids:Array(String)})"
)
# A tap that was judged again changes its group, one that was minted or recorded the sum of its own. Links by number as
# well: their projection begins with it, and would be read whole otherwise.
_STATES = f"""
SELECT account, broadcast_id, toString(sum(mark)), sum(over), sum(unjudged), sum(visits),
    arraySlice(arraySort(groupArrayIf((hour_s, people), people > 0)), 1, {_MAX_HOURS})
FROM
(
    SELECT account, broadcast_id, toUnixTimestamp(hour) AS hour_s, sumIf(clicks, engaged) AS people,
        sumIf(clicks, visit_class = 'human' AND NOT engaged) AS over,
        sumIf(clicks, visit_class = 'unknown') AS unjudged, sum(clicks) AS visits,
        sum(cityHash64(hour, visit_class, status, refusal, audience, clicks)) AS mark
    FROM hourly_clicks WHERE {_THESE} GROUP BY account, broadcast_id, hour
    UNION ALL
    SELECT account, broadcast_id, 0, 0, 0, 0, 0, cityHash64('links', count()) FROM links
    WHERE broadcast_no IN {{numbers:Array(UInt64)}} AND {_THESE} AND kind != 'canary' GROUP BY account, broadcast_id
)
GROUP BY account, broadcast_id
"""  # noqa: S608 - of constants alone
_FIGURES = f"""
SELECT account, broadcast_id, links, contacts, unique_contacts, click_through_rate, human_clicks,
    preview_clicks + prefetch_clicks + scanner_clicks + bot_clicks
FROM broadcast_report WHERE {_THESE}
"""  # noqa: S608

Name = tuple[str, str]  # account, broadcast id


class State(msgspec.Struct, frozen=True, array_like=True):
    """What projections say of a broadcast."""

    account: str
    broadcast_id: str
    mark: str  # differs when anything is counted otherwise
    over: int  # visits of people that found the broadcast over
    unjudged: int  # visits of neither a known browser nor a known machine
    clicks: int
    hours: tuple[tuple[int, int], ...]  # (Unix seconds of the hour, taps of people), the first ones

    @property
    def warnings(self) -> list[tuple[str, int]]:
        """Those of the report's warnings that a list can say, with what each counts."""
        found = [("found-it-over", self.over)] if self.over else []
        return found + ([("unjudged-visits", self.unjudged)] if self.unjudged > 0.05 * self.clicks else [])


class Figures(msgspec.Struct, frozen=True, array_like=True):
    account: str
    broadcast_id: str
    links: int
    contacts: int
    unique_contacts: int
    click_through_rate: float
    human_clicks: int
    machine_clicks: int


class Line(msgspec.Struct, frozen=True):
    """One broadcast as a list shows it."""

    broadcast: Broadcast
    figures: Figures
    warnings: list[tuple[str, int]]
    curve: list[int]  # taps of people in steps of CURVE_HOURS / CURVE_POINTS hours since the send


class Overview:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._known: OrderedDict[Name, tuple[str, Figures]] = OrderedDict()  # with the mark that they are of

    async def lines(self, broadcasts: Sequence[Broadcast]) -> list[Line]:
        """One for each, in their order. Raises what ClickHouse raises."""
        names = [_name(broadcast) for broadcast in broadcasts]
        numbers = [broadcast.broadcast_no for broadcast in broadcasts]
        states = {_name(state): state for state in await self._rows(_STATES, State, names, numbers=numbers)}
        changed = [name for name, state in states.items() if self._mark(name) != state.mark]
        for figures in await self._rows(_FIGURES, Figures, changed):
            self._keep(states[_name(figures)].mark, figures)
        lines = [self._line(broadcast, states.get(_name(broadcast))) for broadcast in broadcasts]
        self._forget_old()
        return lines

    def _line(self, broadcast: Broadcast, state: State | None) -> Line:
        name = _name(broadcast)
        known = self._known.get(name)
        if state is None or known is None:
            return Line(broadcast, Figures(*name, 0, 0, 0, 0.0, 0, 0), [], [])
        self._known.move_to_end(name)
        return Line(broadcast, known[1], state.warnings, curve(state.hours, broadcast.sent_at_ms))

    def _mark(self, name: Name) -> str:
        known = self._known.get(name)
        return known[0] if known else ""

    def _keep(self, mark: str, figures: Figures) -> None:
        self._known[_name(figures)] = mark, figures

    def _forget_old(self) -> None:
        while len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)

    async def _rows(self, sql: str, row: Any, names: Iterable[Name], **more: list[int]) -> list[Any]:
        wanted = list(names)
        if not wanted:
            return []
        accounts, ids = zip(*wanted, strict=True)
        return await self._clickhouse.rows(sql, row, accounts=list(accounts), ids=list(ids), **more)


def curve(hours: Iterable[tuple[int, int]], sent_ms: int) -> list[int]:
    """Taps in each step since the send; those before it are left out. hours: (Unix seconds of the hour, taps)."""
    step_s = CURVE_HOURS * 3_600 // CURVE_POINTS
    counts = [0] * CURVE_POINTS
    begun_s = sent_ms // 3_600_000 * 3_600
    for hour_s, taps in hours:
        step = (hour_s - begun_s) // step_s
        if 0 <= step < CURVE_POINTS:
            counts[step] += taps
    return counts


def _name(one: Broadcast | State | Figures) -> Name:
    return one.account, one.broadcast_id
