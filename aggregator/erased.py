"""Clicks on links of contacts that were erased: from an edge that did not know yet, a spool, or a later tap."""

import secrets
import time
from array import array
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from functools import partial

import msgspec
from siphashc import siphash

from aggregator import expiry_sql
from aggregator.clicks import Clicks, with_texts
from aggregator.enrich import Enriched
from aggregator.erasure_sql import erased_since, tokens_of
from aggregator.grouped import Grouped, T
from runtime.clickhouse import ClickHouse

FRESH_S = 2.0  # how long the links that are known are believed to be all; part of erasures.SETTLE_MS
OVERLAP_MS = 600_000  # clocks of this host and the server, and INSERTs under way at the last look

# Visitors stay different from each other; nobody else can make these ids.
_KEY = secrets.token_bytes(16)


class _Token(msgspec.Struct, frozen=True):
    link_id: int
    token: str


class ErasedLinks:
    """Which links are of erased contacts. In memory: about 60 bytes a link."""

    def __init__(self, clickhouse: ClickHouse, now_s: Callable[[], float] = time.time) -> None:
        self._clickhouse, self._now_s = clickhouse, now_s
        self._links: set[int] = set()
        self._expired_below = 0  # links with lower ids may have a token in the table
        self._read_at_s = 0.0
        self.late_at_s = 0.0  # when a click last came that named its contact: the file of Redis had it too

    async def tokens_for(self, clicks: Clicks) -> dict[int, str]:
        """By link id, what stands for the contact, where it was erased. Raises what ClickHouse raises."""
        await self._refresh()
        if not self._links and not self._expired_below:
            return {}
        link_ids = set(clicks.link_ids)
        erased = self._links.intersection(link_ids)
        old = {link_id for link_id in link_ids - erased if link_id < self._expired_below}
        tokens = await self._tokens(expiry_sql.tokens_of(old)) if old else {}
        tokens |= await self._tokens(tokens_of(erased)) if erased else {}
        if tokens and any(clicks.at(_of_links(clicks, tokens)).texts["contact_id"].to_pylist()):
            self.late_at_s = self._now_s()
        return tokens

    async def _tokens(self, sql: str) -> dict[int, str]:
        return {row.link_id: row.token for row in await self._clickhouse.rows(sql, _Token)}

    async def _refresh(self) -> None:
        now_s = self._now_s()
        if 0 <= now_s - self._read_at_s < FRESH_S:
            return
        since_ms = max(int(self._read_at_s * 1000) - OVERLAP_MS, 0)
        self._links.update([row["link_id"] for row in await self._clickhouse.rows(erased_since(since_ms), dict)])
        self._expired_below = int(await self._clickhouse.value(expiry_sql.BEGUN_BELOW))
        self._read_at_s = now_s


def without_person(clicks: Clicks, enriched: Enriched, tokens: dict[int, str]) -> tuple[Clicks, Enriched]:
    """The clicks as the erasure leaves those that were there: judged like all, without what leads to a person."""
    erased = _of_links(clicks, tokens)
    query_marks = [*clicks.query_marks]
    visitor_ids = [*enriched.visitor_ids]
    for index in erased:
        query_marks[index] = None
        visitor_ids[index] = siphash(_KEY, visitor_ids[index].to_bytes(8, "big"))
    texts = {
        "code": with_texts(clicks.texts["code"], dict.fromkeys(erased, "")),
        "contact_id": with_texts(
            clicks.texts["contact_id"], {index: tokens[clicks.link_ids[index]] for index in erased}
        ),
        "destination": with_texts(clicks.texts["destination"], dict.fromkeys(erased, "")),
    }
    return replace(clicks, query_marks=query_marks, texts=texts), enriched._replace(
        headers=_changed(enriched.headers, erased, partial(msgspec.structs.replace, user_agent="", sec_ch_ua="")),
        places=_changed(enriched.places, erased, partial(msgspec.structs.replace, ip_prefix="")),
        visitor_ids=visitor_ids,
    )


def _of_links(clicks: Clicks, links: Container[int]) -> list[int]:
    """The places of the clicks of these links."""
    return [index for index, link_id in enumerate(clicks.link_ids) if link_id in links]


def _changed(groups: Grouped[T], indexes: Sequence[int], change: Callable[[T], T]) -> Grouped[T]:
    """Another value for some of the items; the others of their groups keep theirs."""
    values, group_of = list(groups.values), array("i", groups.group_of)
    changed: dict[int, int] = {}  # by the group that an item had, the group that it has
    for index in indexes:
        group = group_of[index]
        if group not in changed:
            changed[group] = len(values)
            values.append(change(values[group]))
        group_of[index] = changed[group]
    for group in changed.keys() - set(group_of):
        values[group] = values[changed[group]]  # what no item has must not be sent along
    return Grouped(values, group_of)
