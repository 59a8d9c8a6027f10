"""Asks an edge for links and compares what it answers with what their records say."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from uuid import UUID

import aiohttp
import msgspec
from yarl import URL

from control.catalogue.link_page import STAND_IN, decision_for
from control.minting.link_batches import short_url
from control.minting.link_table import LinkRow
from control.verify.findings import MAX_EXAMPLES, Finding
from records.broadcast import Broadcast
from records.domain import Domain
from records.own_visit import HEADER, OwnVisits
from routing.decide import Decision
from runtime.clock import unix_ms

AT_ONCE = 16  # requests that are on their way; few enough that taps do not wait behind them
_PAUSES_S = (0.0, 0.5, 2.0)
_WITHIN = aiohttp.ClientTimeout(total=10)
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Answer(msgspec.Struct, frozen=True):
    status: int
    location: str = ""


class Unanswered(msgspec.Struct, frozen=True):
    why: str


class _Kind:
    """Links with the same fault: how many, and some of them."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[str] = []

    def add(self, example: str) -> None:
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(example)


class EdgeCheck:
    """One verification's view of an edge. url: of any edge; it is asked under the links' own short domain."""

    def __init__(self, url: str, own_visits: OwnVisits, domain: Domain, broadcast: Broadcast) -> None:
        self._url, self._own_visits = url.rstrip("/"), own_visits
        self._domain, self._broadcast = domain, broadcast
        self._elsewhere, self._other_status, self._unanswered = _Kind(), _Kind(), _Kind()
        self._why_unanswered = ""
        self.asked = 0

    async def ask(self, rows: Sequence[LinkRow]) -> None:
        """Ask for each of these links once."""
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        # The whole Location as it was sent: a parser's idea of it would hide differences.
        async with aiohttp.ClientSession(connector=connector, timeout=_WITHIN, trust_env=False) as session:
            await asyncio.gather(*(self._ask_some(session, rows[start::AT_ONCE]) for start in range(AT_ONCE)))

    def decision(self, row: LinkRow) -> Decision:
        """What the records say that an edge answers now."""
        return decision_for(row, self._domain, self._broadcast, STAND_IN, unix_ms())

    @property
    def is_away(self) -> bool:
        """Whether not one link was answered."""
        return 0 < self.asked == self._unanswered.count

    def findings(self) -> Iterator[Finding]:
        asked = self.asked
        if self._elsewhere.count:
            detail = f"{self._elsewhere.count} of {asked} links lead elsewhere than their records say"
            yield Finding("fail", "edge", detail, self._elsewhere.examples)
        if self._other_status.count:
            detail = f"{self._other_status.count} of {asked} links are not answered as their records say"
            yield Finding("fail", "edge", detail, self._other_status.examples)
        if self._unanswered.count:
            detail = (
                f"{self._unanswered.count} of {asked} links were not answered by {self._url}: {self._why_unanswered}"
            )
            yield Finding("unsure", "edge", detail, self._unanswered.examples)

    async def _ask_some(self, session: aiohttp.ClientSession, rows: Sequence[LinkRow]) -> None:
        for row in rows:
            self._compare(row, await self._answer(session, row))
            self.asked += 1

    async def _answer(self, session: aiohttp.ClientSession, row: LinkRow) -> Answer | Unanswered:
        answer: Answer | Unanswered = Unanswered("")
        for pause_s in _PAUSES_S:
            await asyncio.sleep(pause_s)
            answer = await self._answered_once(session, row)
            if isinstance(answer, Answer):
                return answer
        return answer

    async def _answered_once(self, session: aiohttp.ClientSession, row: LinkRow) -> Answer | Unanswered:
        mark = self._own_visits.mark(row.code, unix_ms())
        headers = {"Host": row.short_domain, HEADER: mark, "User-Agent": "Taptrail-Verify"}
        try:
            url = URL(f"{self._url}/{row.code}", encoded=True)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                await response.read()
                if response.status in {429, 500, 502, 503, 504}:
                    return Unanswered(f"it answers {response.status}")
                return Answer(response.status, response.headers.get("Location", ""))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Unanswered(str(error)[:200] or type(error).__name__)

    def _compare(self, row: LinkRow, answer: Answer | Unanswered) -> None:
        shown = short_url(row.short_domain, row.code)
        if isinstance(answer, Unanswered):
            self._unanswered.add(shown)
            self._why_unanswered = answer.why
            return
        decision = self.decision(row)
        if not _leads_to(answer.location, decision.location):
            expected = decision.location.replace(str(UUID(bytes=STAND_IN)), "{click_id}")
            self._elsewhere.add(f"{shown} leads to {answer.location or 'a page'}; expected {expected or 'a page'}")
        elif answer.status != decision.status:
            self._other_status.add(f"{shown} answers {answer.status}; expected {decision.status}")


def _leads_to(location: str, expected: str) -> bool:
    """The same URL; where the id of the click stands, any."""
    stand_in = str(UUID(bytes=STAND_IN))
    if stand_in not in expected:
        return location == expected
    return re.fullmatch(_UUID.join(map(re.escape, expected.split(stand_in))), location) is not None


def over_findings(decision: Decision) -> Iterator[Finding]:
    """What a recipient gets of links that are not live."""
    if decision.reason is not None and decision.is_row:
        leads = f"they lead to {decision.location}" if decision.location else "they answer a page that says so"
        why = decision.reason.value.replace("_", " ")
        outcome = "warn" if decision.reason.value == "not_yet" else "fail"
        yield Finding(outcome, "edge", f"the broadcast's links are {why}: {leads}")  # type: ignore[arg-type]
