"""When which link of a broadcast is tapped by whom: a plan for the whole run, made before its first tap.

Messages go out one after the other. At each, the messaging app and a security scanner may look before the contact does;
then some contacts tap, most within minutes, the others over hours, some of them twice. Hours are seconds here. Beside
them keyword links are tapped again and again, crawlers come, people mistype, and somebody tries code after code.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

VISITS: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "examples" / "visits.json").read_text())
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREVIEWED, SCANNED, TWICE, LATE = 0.3, 0.04, 0.2, 0.35  # shares: of links, of links, of those who tap, of those who tap
SHARED, CRAWLED, MISTYPED, GUESSED = 0.1, 0.02, 0.02, 0.04  # taps for each link
SCANNER_ADDRESS = "198.18.0.{}"  # RFC 2544: all guesses come from one /24


class OwnLink(NamedTuple):
    code: str
    contact_id: str


class Tap(NamedTuple):
    due_s: float  # after the send began
    code: str
    expected: str  # is in Location; "" for a code that was never issued
    visit: dict[str, Any]
    address: str


class Send(NamedTuple):
    send_s: float  # from the first message to the last
    total_s: float  # until the last tap
    tap_rate: float  # share of the contacts who tap


def plan(links: Sequence[OwnLink], shared: Sequence[str], send: Send, seed: int = 1) -> list[Tap]:
    """In the order of their times. shared: slugs whose destinations end in =<slug>."""
    chance = random.Random(seed)
    taps = [
        tap
        for position, link in enumerate(links)
        for tap in _of(link, position / len(links) * send.send_s, send, chance)
    ]
    taps += _beside(len(links), shared, send, chance)
    return sorted(taps)


def _of(link: OwnLink, sent_s: float, send: Send, chance: random.Random) -> Iterator[Tap]:
    """The taps of one contact's link; machines are there before the person."""
    expected = f"={link.contact_id}"
    looked_s = sent_s
    for share, kind in ((PREVIEWED, "preview"), (SCANNED, "scanner")):
        if chance.random() < share:
            looked_s = sent_s + chance.uniform(0, 0.01) * send.total_s
            yield Tap(looked_s, link.code, expected, _drawn(kind, chance), _address(chance))
    if chance.random() < send.tap_rate:
        phone, address = _drawn("human", chance), _address(chance)
        mean_s = send.total_s / (4 if chance.random() < LATE else 40)
        tapped_s = min(looked_s + chance.expovariate(1 / mean_s), send.total_s)
        yield Tap(tapped_s, link.code, expected, phone, address)
        if chance.random() < TWICE:
            yield Tap(chance.uniform(tapped_s, send.total_s), link.code, expected, phone, address)


def _beside(links: int, shared: Sequence[str], send: Send, chance: random.Random) -> Iterator[Tap]:
    weights = [1 / (rank + 1) for rank in range(len(shared))]
    for kind, share in (("human", SHARED), ("bot", CRAWLED / 2), ("prefetch", CRAWLED / 2)):
        for _ in range(int(links * share)):
            slug = chance.choices(shared, weights)[0]
            when = chance.uniform(0, send.total_s)
            yield Tap(when, slug, f"={slug}", _drawn(kind, chance), _address(chance))
    for share, scans in ((MISTYPED, False), (GUESSED, True)):
        for _ in range(int(links * share)):
            code = "".join(chance.choices(ALPHABET, k=9))
            address = SCANNER_ADDRESS.format(chance.randrange(256)) if scans else _address(chance)
            yield Tap(chance.uniform(0, send.total_s), code, "", _drawn("human", chance), address)


_KINDS = {kind: [visit for visit in VISITS if visit["expected_class"] == kind] for kind in
          {visit["expected_class"] for visit in VISITS}}  # fmt: skip


def _drawn(kind: str, chance: random.Random) -> dict[str, Any]:
    return chance.choices(_KINDS[kind], [visit["weight"] for visit in _KINDS[kind]])[0]


def _address(chance: random.Random) -> str:
    """Of a phone network: many /24s and /48s, so that nobody is taken for a scanner."""
    if chance.random() < 0.5:
        return f"2001:db8:{chance.randrange(1 << 16):x}:{chance.randrange(1 << 16):x}::{chance.randrange(1 << 16):x}"
    return f"{chance.randrange(11, 100)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
