"""A click -> the row that analysts query: device, place, class and visitor beside what the edge saw."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from aggregator.classify import CLASSIFIER_VERSION, MAX_AGENT, VisitClass, classify
from aggregator.decode import Numbered
from aggregator.devices import Devices
from aggregator.geo import Geo
from aggregator.visitors import Salts, day_of, visitor_id
from records.click import AddressCipher

MAX_HEADER_BYTES = 256
_REMEMBERED = 4096


class ClickRow(NamedTuple):
    """One row of table `clicks`: its columns, in order. Instants are Unix milliseconds, click_id is 16 bytes."""

    lane: int
    seq: int
    account: str
    click_id: bytes
    clicked_at: int
    received_at: int
    short_domain: str
    link_id: int
    code: str
    broadcast_id: str
    broadcast_no: int
    contact_id: str
    audience: str
    keyword: str
    source: str
    destination: str
    destination_index: int
    status: int
    method: str
    visit_class: VisitClass
    class_reasons: tuple[str, ...]
    classifier_version: int
    visitor_id: int
    device_type: str
    device_brand: str
    device_model: str
    os: str
    os_version: str
    browser: str
    browser_version: str
    country: str
    region: str
    city: str
    asn: int
    as_org: str
    language: str
    referrer_host: str
    ip_prefix: str
    user_agent: str
    accept: str
    purpose: str
    sec_fetch: str
    sec_ch_ua: str
    edge_id: str


class Enricher:
    """Turns the clicks of a batch into rows."""

    def __init__(self, cipher: AddressCipher, salts: Salts, devices: Devices, geo: Geo) -> None:
        self._cipher, self._salts, self._devices, self._geo = cipher, salts, devices, geo

    async def rows(self, clicks: Sequence[Numbered], received_at_ms: int) -> list[ClickRow]:
        """One row a click, in order. Raises redis.RedisError when the salts cannot be read."""
        salts = await self._salts.for_days({day_of(one.click.clicked_at_ms) for one in clicks})
        return self.enrich(clicks, received_at_ms, salts)

    def enrich(self, clicks: Sequence[Numbered], received_at_ms: int, salts: Mapping[str, bytes]) -> list[ClickRow]:
        """One row a click, in order; no address gets into one. salts: of every day_of(clicked_at_ms) among them."""
        return [self._row(one, received_at_ms, salts) for one in clicks]

    def _row(self, one: Numbered, received_at_ms: int, salts: Mapping[str, bytes]) -> ClickRow:
        click = one.click
        address = self._cipher.apply(click.sealed_address, one.lane, one.seq)
        user_agent = cut(click.user_agent, MAX_AGENT)
        device = self._devices.parse(user_agent)
        place = self._geo.look_up(address)
        verdict = classify(click, place)
        return ClickRow(
            one.lane,
            one.seq,
            click.account,
            click.click_id,
            click.clicked_at_ms,
            received_at_ms,
            click.short_domain,
            click.link_id,
            click.code,
            click.broadcast_id,
            click.broadcast_no,
            click.contact_id,
            click.audience,
            click.keyword,
            click.source,
            click.destination,
            click.destination_index,
            click.status,
            click.method,
            verdict.visit_class,
            verdict.reasons,
            CLASSIFIER_VERSION,
            visitor_id(salts[day_of(click.clicked_at_ms)], address, user_agent),
            device.device_type,
            device.device_brand,
            device.device_model,
            device.os,
            device.os_version,
            device.browser,
            device.browser_version,
            place.country,
            place.region,
            place.city,
            place.asn,
            place.as_org,
            language_of(click.accept_language),
            host_in(click.referrer),
            place.ip_prefix,
            user_agent,
            cut(click.accept, MAX_HEADER_BYTES),
            cut(click.purpose, MAX_HEADER_BYTES),
            cut(click.sec_fetch, MAX_HEADER_BYTES),
            cut(click.sec_ch_ua, MAX_HEADER_BYTES),
            one.edge_id,
        )


def cut(text: str, max_bytes: int) -> str:
    """The text in at most max_bytes of UTF-8, never ending in half a character."""
    if len(text) * 4 <= max_bytes or (len(text) <= max_bytes and text.isascii()):
        return text
    return text.encode()[:max_bytes].decode("utf-8", "ignore")


_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


@lru_cache(_REMEMBERED)
def language_of(accept_language: str) -> str:
    """The first tag of Accept-Language in the letter case of RFC 5646 2.1.1; "" where there is none."""
    tag = accept_language.partition(",")[0].partition(";")[0].strip()
    if len(tag) > 35 or not _TAG.match(tag):
        return ""
    language, *rest = tag.lower().split("-")
    return "-".join([language, *map(_subtag, rest)])


def _subtag(subtag: str) -> str:
    if len(subtag) == 2:
        return subtag.upper()
    return subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag


@lru_cache(_REMEMBERED)
def host_in(referrer: str) -> str:
    """The host of a Referer, lower case; for android-app://com.example/ the app's name."""
    try:
        return cut(urlsplit(referrer).hostname or "", MAX_HEADER_BYTES)
    except ValueError:  # "http://[": not a URL
        return ""
