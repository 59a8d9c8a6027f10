"""Clicks -> what is found out about them: headers, device, place, verdict and visitor. Pure.

A batch has few distinct headers and networks: each is looked at once, for all clicks that share it.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import repeat
from typing import Any, NamedTuple

import pyarrow.compute as pc

from aggregator.clicks import Clicks
from aggregator.days import day_of
from aggregator.grouped import Grouped, grouped
from aggregator.scans_seen import ScansSeen
from aggregator.visitor_ids import visitor_ids
from records.address import AddressCipher, prefixes_of
from records.click import Click
from records.link import CANARY
from visitors.classify import Verdict, VisitClass, classify, network_verdict
from visitors.devices import Device, Devices
from visitors.evidence import Headers, evidence_of, headers_of
from visitors.language import language_of
from visitors.neighbours import JUDGED_BY_NEIGHBOURS, MANY_CONTACTS, with_neighbours
from visitors.place import Place, Places
from visitors.referrer import host_in


class Enriched(NamedTuple):
    """What is found out about each click of a batch."""

    headers: Grouped[Headers]
    languages: Grouped[str]
    referrer_hosts: Grouped[str]
    devices: Grouped[Device]
    places: Grouped[Place]
    verdicts: Grouped[Verdict]
    visitor_ids: list[int]


class Enricher:
    """Finds out about the clicks of a batch."""

    def __init__(self, cipher: AddressCipher, devices: Devices, places: Places, scans: ScansSeen | None = None) -> None:
        self._cipher, self._devices, self._places = cipher, devices, places
        self._scans = ScansSeen() if scans is None else scans
        self.canary_clicks: Counter[VisitClass] = Counter()  # those that were enriched

    def enrich(self, clicks: Clicks, salts: Mapping[int, bytes]) -> Enriched:
        """No address gets into what it gives. salts: of the days of the clicks."""
        addresses = self._cipher.apply_all(clicks.sealed_addresses, clicks.lanes, clicks.seqs)
        headers = clicks.headers.each(headers_of)
        places = grouped(prefixes_of(addresses)).each(self._places.look_up)
        verdicts = _with_scans(_judged(headers, places), clicks, headers, places, self._scans)
        self.canary_clicks.update(_of_canaries(clicks, verdicts))
        return Enriched(
            headers=headers,
            languages=clicks.headers.each(_language_of),
            referrer_hosts=clicks.headers.each(_referrer_host_of),
            devices=headers.each(self._device_of),
            places=places,
            verdicts=verdicts,
            visitor_ids=_visitor_ids(clicks, addresses, headers, salts),
        )

    def _device_of(self, headers: Headers) -> Device:
        return self._devices.parse(headers.user_agent, headers.sec_ch_ua)


def _language_of(click: Click) -> str:
    return language_of(click.accept_language)


def _referrer_host_of(click: Click) -> str:
    return host_in(click.referrer)


def _judged(headers: Grouped[Headers], places: Grouped[Place]) -> Grouped[Verdict]:
    """Judge headers and network of each click; alike are networks of the same verdict, as they differ in nothing else.

    There are thousands of networks and of headers in a batch: hardly two clicks would share both.
    """
    networks = grouped(places.values, lambda place: network_verdict(place.asn, place.as_org))
    if len(networks.values) == 1:  # most often: none speaks for a machine; saves 0.4 us a click
        return headers.each(lambda kept: classify(evidence_of(kept, networks.values[0])))
    network_of = [networks.group_of[group] for group in places.group_of]
    pairs = grouped(list(zip(headers.group_of, network_of, strict=True)), tuple)
    return pairs.each(lambda pair: classify(evidence_of(headers.values[pair[0]], networks.values[pair[1]])))


def _with_scans(
    verdicts: Grouped[Verdict],
    clicks: Clicks,
    headers: Grouped[Headers],
    places: Grouped[Place],
    scans: ScansSeen,
) -> Grouped[Verdict]:
    """Where a person or nobody known seems to visit, and a scan goes on with that agent, it is the scanner."""
    if not scans:
        return verdicts
    values, group_of = list(verdicts.values), verdicts.group_of[:]
    scanned: dict[int, int] = {}  # by the group of a verdict, that of the same with the scan
    contact_ids = clicks.texts["contact_id"].to_pylist()
    for index, (contact_id, group) in enumerate(zip(contact_ids, verdicts.group_of, strict=True)):
        if values[group].visit_class not in JUDGED_BY_NEIGHBOURS or not contact_id:
            continue
        visit = clicks.broadcasts.values[clicks.broadcasts.group_of[index]]
        network = visit.account, visit.broadcast_id, places.values[places.group_of[index]].ip_prefix
        if scans.holds(network, headers.values[headers.group_of[index]].user_agent, clicks.clicked_at_ms[index]):
            if group not in scanned:
                scanned[group] = len(values)
                values.append(with_neighbours(values[group], [MANY_CONTACTS]))
            group_of[index] = scanned[group]
    return Grouped(values, group_of)


def _of_canaries(clicks: Clicks, verdicts: Grouped[Verdict]) -> list[VisitClass]:
    tapped: list[Any] = pc.indices_nonzero(pc.starts_with(clicks.texts["contact_id"], CANARY)).to_pylist()
    return [verdicts.values[verdicts.group_of[index]].visit_class for index in tapped]


def _visitor_ids(
    clicks: Clicks, addresses: list[bytes], headers: Grouped[Headers], salts: Mapping[int, bytes]
) -> list[int]:
    agents = headers.each(lambda kept: kept.user_agent.encode()).spread()
    if len(salts) == 1:  # nearly always
        return visitor_ids(repeat(*salts.values()), addresses, agents)
    return visitor_ids(map(salts.__getitem__, map(day_of, clicks.clicked_at_ms)), addresses, agents)
