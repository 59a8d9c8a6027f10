"""Clicks -> what is found out about them: device, place, class and visitor, beside what the edge saw.

A batch has few distinct headers, networks and broadcasts: each is looked at once, and the columns of `rows.py` refer to
it by its number.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from aggregator.decode import Numbered
from aggregator.visitor_ids import DAY_MS, Salts, day_of, visitor_id
from records.address import AddressCipher, prefix_of
from records.click import Click
from visitors.classify import Verdict, classify, network_verdict
from visitors.devices import Device, Devices
from visitors.evidence import Headers, evidence_of, headers_of
from visitors.geo import Geo
from visitors.language import language_of
from visitors.place import Place
from visitors.referrer import host_in


class Groups(NamedTuple):
    """Clicks that are alike in something: per group its first click, per click its group."""

    firsts: list[int]
    group_of: list[int]


class Enriched(NamedTuple):
    """What is known of each click of a batch. The lists beside `Groups` have one item a group."""

    by_headers: Groups
    headers: list[Headers]
    languages: list[str]
    referrer_hosts: list[str]
    devices: list[Device]
    by_network: Groups
    places: list[Place]
    by_verdict: Groups
    verdicts: list[Verdict]
    visitor_ids: list[int]  # one a click


class Enricher:
    """Finds out about the clicks of a batch."""

    def __init__(self, cipher: AddressCipher, salts: Salts, devices: Devices, geo: Geo) -> None:
        self._cipher, self._salts, self._devices, self._geo = cipher, salts, devices, geo

    async def salts(self, clicks: Sequence[Numbered]) -> dict[str, bytes]:
        """Of the days of these clicks. Raises redis.RedisError when they cannot be read."""
        days = {one.click.clicked_at_ms // DAY_MS for one in clicks}
        return await self._salts.for_days(day_of(day * DAY_MS) for day in days)

    def enrich(self, clicks: Sequence[Numbered], salts: Mapping[str, bytes]) -> Enriched:
        """No address gets into what it gives. salts: of every day_of(clicked_at_ms) among them."""
        visits = [one.click for one in clicks]
        by_headers = grouped(map(_RAW_HEADERS, visits))
        headers = [headers_of(visits[first]) for first in by_headers.firsts]
        addresses = [self._cipher.apply(one.click.sealed_address, one.lane, one.seq) for one in clicks]
        networks = [prefix_of(address) for address in addresses]
        by_network = grouped(networks)
        places = [self._geo.look_up(networks[first]) for first in by_network.firsts]
        by_verdict = _by_verdict(by_headers, by_network, places)
        return Enriched(
            by_headers,
            headers,
            [language_of(visits[first].accept_language) for first in by_headers.firsts],
            [host_in(visits[first].referrer) for first in by_headers.firsts],
            [self._devices.parse(one.user_agent) for one in headers],
            by_network,
            places,
            by_verdict,
            [
                classify(evidence_of(headers[by_headers.group_of[first]], places[by_network.group_of[first]]))
                for first in by_verdict.firsts
            ],
            _visitor_ids(visits, addresses, [headers[group].user_agent for group in by_headers.group_of], salts),
        )


_RAW_HEADERS = attrgetter(
    *("method", "accept_language", "referrer", "user_agent", "accept", "purpose", "sec_fetch", "sec_ch_ua")
)


def grouped(keys: Iterable[Hashable]) -> Groups:
    """One key a click; clicks of equal keys are a group."""
    seen: dict[Hashable, int] = {}
    first_of = [seen.setdefault(key, place) for place, key in enumerate(keys)]
    firsts = list(seen.values())
    number = {first: group for group, first in enumerate(firsts)}
    return Groups(firsts, [number[first] for first in first_of])


def _by_verdict(by_headers: Groups, by_network: Groups, places: list[Place]) -> Groups:
    """A visit is judged by its headers, and by its network where that speaks for a machine; hardly any does."""
    verdicts = [network_verdict(place.asn, place.as_org) for place in places]
    if not any(verdicts):
        return by_headers
    spoken = (verdicts[group] for group in by_network.group_of)
    return grouped(zip(by_headers.group_of, spoken, strict=True))


def _visitor_ids(
    visits: list[Click], addresses: list[bytes], user_agents: list[str], salts: Mapping[str, bytes]
) -> list[int]:
    days = [visit.clicked_at_ms // DAY_MS for visit in visits]
    salt_of = {day: salts[day_of(day * DAY_MS)] for day in set(days)}
    return [
        visitor_id(salt_of[day], address, agent)
        for day, address, agent in zip(days, addresses, user_agents, strict=True)
    ]
