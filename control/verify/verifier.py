"""Checks a broadcast before and after it is sent: its links, what an edge answers, where they lead."""

import asyncio
import random
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from urllib.parse import urlsplit

import msgspec

from control.catalogue.app_schemes import is_web
from control.catalogue.domains import Domains
from control.catalogue.link_page import STAND_IN, link_of
from control.http.problems import Problem
from control.minting.link_table import LinkRow, LinkTable
from control.verify.edge_check import EdgeCheck, over_findings
from control.verify.fetch import Fetched, Fetcher
from control.verify.findings import Finding, Progress, Verdict, verdict_of
from control.verify.pages import is_page, may_recover, page_findings, soft_404
from control.verify.table_checks import minted, table_findings
from control.verify.text_check import text_findings
from records.broadcast import Broadcast
from records.domain import Domain
from records.hosts import host_in
from records.networks import Networks
from records.own_visit import OwnVisits
from routing.destination import destination_for, own_fields
from routing.visit import Visit
from runtime.clickhouse import ClickHouse

BATCH = 5_000  # links that are read and asked for at a time
AT_ONCE = 4  # verifications of one control process
_FETCHES_OF_A_HOST, _FETCHES = 2, 8

Line = Finding | Progress | Verdict


class Wanted(msgspec.Struct, frozen=True):
    """What to look at. sample: how many links an edge is asked for, None for all."""

    sample: int | None
    fetch: bool
    final_hosts: Collection[str]
    contact_id: str | None = None


class Verifier:
    """edge_url: "" where no edge can be asked. second_try_s: before a page that failed is asked again."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        domains: Domains,
        links: LinkTable,
        code_key: bytes,
        *,
        edge_url: str,
        fetch_allow: Networks,
        second_try_s: float,
    ) -> None:
        self._clickhouse, self._domains, self._links = clickhouse, domains, links
        self._own_visits, self._edge_url = OwnVisits(code_key), edge_url
        self._fetcher, self._second_try_s = Fetcher(fetch_allow), second_try_s
        self._running = 0

    async def verify(self, broadcast: Broadcast, wanted: Wanted) -> AsyncIterator[Line]:
        """Findings as they are found, the verdict last; raises Problem before the first."""
        if self._running >= AT_ONCE:
            detail = f"this process verifies {AT_ONCE} broadcasts already; try again later"
            raise Problem("in-progress", detail, retry_after_s=30)
        self._running += 1
        try:
            async for line in self._lines(broadcast, wanted):
                yield line
        finally:
            self._running -= 1

    async def _lines(self, broadcast: Broadcast, wanted: Wanted) -> AsyncIterator[Line]:
        findings: list[Finding] = []
        there = await minted(self._clickhouse, broadcast)
        urls, remarks = await self._urls(broadcast, wanted) if wanted.fetch else ([], [])
        fetching = asyncio.create_task(self._fetched(urls, wanted.final_hosts))
        domain = await self._domains.get(broadcast.short_domain)
        check = self._edge_check(broadcast, domain)
        try:
            async for finding in table_findings(self._clickhouse, broadcast, there):
                findings.append(finding)
                yield finding
            asks_opt_out = domain is not None and domain.asks_opt_out
            for finding in text_findings(broadcast, asks_opt_out=asks_opt_out):
                findings.append(finding)
                yield finding
            async for line in self._edge(check, broadcast, there.links, wanted):
                if isinstance(line, Finding):
                    findings.append(line)
                yield line
            for finding in (*remarks, *await fetching):
                findings.append(finding)
                yield finding
        finally:
            fetching.cancel()
        asked = check.asked if check is not None else 0
        yield verdict_of(findings, links=there.links, links_asked=asked, destinations_fetched=len(urls))

    def _edge_check(self, broadcast: Broadcast, domain: Domain | None) -> EdgeCheck | None:
        if not self._edge_url or domain is None:
            return None
        return EdgeCheck(self._edge_url, self._own_visits, domain, broadcast)

    async def _edge(
        self, check: EdgeCheck | None, broadcast: Broadcast, links: int, wanted: Wanted
    ) -> AsyncIterator[Finding | Progress]:
        if check is None:
            detail = "no edge was asked: TAPTRAIL_EDGE_URL is not set for this control process"
            yield Finding("unsure", "edge", detail)
            return
        of = links if wanted.sample is None else min(links, wanted.sample)
        async for rows in self._rows(broadcast.broadcast_no, wanted.sample):
            await check.ask(rows)
            yield Progress(check.asked, of)
            if check.is_away:
                break
        for finding in check.findings():
            yield finding
        for row in await self._links.from_id(broadcast.broadcast_no, 0, 1):
            for finding in over_findings(check.decision(row)):
                yield finding

    async def _rows(self, broadcast_no: int, sample: int | None) -> AsyncIterator[list[LinkRow]]:
        if sample is not None:
            chosen = await self._links.sample(broadcast_no, sample, random.getrandbits(63))
            for start in range(0, len(chosen), BATCH):
                yield chosen[start : start + BATCH]
            return
        first = 0
        while rows := await self._links.from_id(broadcast_no, first, BATCH):
            yield rows
            first = rows[-1].link_id + 1

    async def _urls(self, broadcast: Broadcast, wanted: Wanted) -> tuple[list[str], list[Finding]]:
        """What to fetch: each destination once, as one of its links fills it in; and what is left out.

        A destination with fields of a contact may be used up by a fetch: it is fetched for a contact that the caller
        names, and for nobody else.
        """
        urls, left_out = [], []
        for row in await self._links.one_for_each_destination(broadcast.broadcast_no, wanted.contact_id):
            if row.destination_index >= len(broadcast.destinations):
                continue
            template = broadcast.destinations[row.destination_index]
            if not is_web(template):
                left_out.append(_opened_by_an_app(template))
                continue
            if wanted.contact_id is None and own_fields([template]):
                detail = (
                    "it holds fields of a contact, so a fetch might use it up: name a contact_id to have it fetched"
                )
                left_out.append(Finding("warn", "status", detail, [template]))
                continue
            visit = Visit(row.short_domain, row.code)
            urls.append(destination_for(broadcast, row.destination_index, link_of(row, broadcast), visit, STAND_IN))
        if is_web(broadcast.fallback):
            urls.append(broadcast.fallback)
        elif broadcast.fallback:
            left_out.append(_opened_by_an_app(broadcast.fallback))
        return list(dict.fromkeys(urls)), left_out

    async def _fetched(self, urls: Sequence[str], final_hosts: Collection[str]) -> list[Finding]:
        all_together = asyncio.Semaphore(_FETCHES)
        of_host: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_FETCHES_OF_A_HOST))

        async def judged(url: str) -> list[Finding]:
            async with all_together, of_host[host_in(url)]:
                return await self._judged(url, final_hosts)

        found = await asyncio.gather(*map(judged, urls))
        return [finding for findings in found for finding in findings]

    async def _judged(self, url: str, final_hosts: Collection[str]) -> list[Finding]:
        fetched = await self._fetcher.fetch(url)
        if may_recover(fetched):
            await asyncio.sleep(self._second_try_s)
            fetched = await self._fetcher.fetch(url)
        findings = page_findings(url, fetched, final_hosts, time.time())
        if is_page(fetched):
            findings += soft_404(url, fetched, await self._missing(fetched))
        return findings

    async def _missing(self, fetched: Fetched) -> Fetched:
        """What the host of a page answers to a path that does not exist."""
        path = f"/taptrail-{secrets.token_hex(8)}"
        return await self._fetcher.fetch(
            urlsplit(fetched.final_url)._replace(path=path, query="", fragment="").geturl()
        )


def _opened_by_an_app(url: str) -> Finding:
    return Finding("warn", "status", "it is opened by an app, so it was not fetched: try it on a phone", [url])
