"""How long a click takes from frame to ArrowStream, beside plain decoding of the same frames.

    python -m loadtest.bench_enrich [--clicks 100000] [--agents 3000] [--city FILE.mmdb] [--asn FILE.mmdb]

The yardstick is msgspec alone; the ratio holds on any machine, the microseconds on the one that printed them.
"""

import argparse
import ipaddress
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from aggregator.decode import Entry, decode
from aggregator.devices import Devices
from aggregator.enrich import Enricher
from aggregator.geo import Geo
from aggregator.rows import arrow_stream
from aggregator.visitors import Salts, day_of
from records.click import AddressCipher, Click, Frame, decode_frame, encode_frame, frames_in, packed_address

EXAMPLES = Path(__file__).parents[1] / "examples" / "visits.json"
LANE = 0x5EED
NOW_MS = 1_800_000_000_000
PER_FRAME = 16
BATCH = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clicks", type=int, default=100_000)
    parser.add_argument("--agents", type=int, default=3_000, help="distinct user agents")
    parser.add_argument("--networks", type=int, default=20_000, help="distinct /24 networks")
    parser.add_argument("--city", default="", help="a city .mmdb")
    parser.add_argument("--asn", default="", help="an ASN .mmdb")
    arguments = parser.parse_args()

    cipher = AddressCipher(bytes(range(16)))
    entries = _entries(arguments, cipher)
    steps = Steps(cipher, Geo(arguments.city, arguments.asn))
    yardstick = _seconds(lambda: [decode_frame(frame) for entry in entries for frame in _frames(entry)])
    steps.run(entries)  # first sight of every user agent and network: reported apart
    cold = dict(steps.seconds)
    warm = min((steps.run(entries) for _ in range(3)), key=lambda seconds: sum(seconds.values()))

    for name, seconds in warm.items():
        print(f"{name:12} {_us(seconds, arguments):6.2f} us a click, {_us(cold[name], arguments):6.2f} at first sight")
    total = sum(warm.values())
    print(f"{'all':12} {_us(total, arguments):6.2f} us a click, {arguments.clicks / total:,.0f} clicks/s on one core")
    print(f"{'yardstick':12} {_us(yardstick, arguments):6.2f} us a click: msgspec decoding alone")
    print(f"ratio {total / yardstick:.1f}x the yardstick")


class Steps:
    """The steps of the aggregator that need no network, timed one by one over batches of its usual size."""

    def __init__(self, cipher: AddressCipher, geo: Geo) -> None:
        self._enricher = Enricher(cipher, _no_redis(), Devices(), geo)
        self._salts = {day_of(NOW_MS): bytes(16)}
        self.seconds: dict[str, float] = {}

    def run(self, entries: list[Entry]) -> dict[str, float]:
        self.seconds = {"decode": 0.0, "enrich": 0.0, "arrow_stream": 0.0}
        for start in range(0, len(entries), BATCH // PER_FRAME):
            part = entries[start : start + BATCH // PER_FRAME]
            clicks = self._timed("decode", lambda part=part: decode(part, {}).clicks)
            rows = self._timed("enrich", lambda clicks=clicks: self._enricher.enrich(clicks, NOW_MS, self._salts))
            self._timed("arrow_stream", lambda rows=rows: arrow_stream(rows))
        return self.seconds

    def _timed(self, name: str, step: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = step()
        self.seconds[name] += time.perf_counter() - started
        return result


def _no_redis() -> Salts:
    return Salts(Redis())  # connects at the first salt, and none is asked for here


def _entries(arguments: argparse.Namespace, cipher: AddressCipher) -> list[Entry]:
    """Stream entries as edges write them: skewed user agents and addresses, unique contacts."""
    pick = random.Random(7)
    agents = _agents(arguments.agents, pick)
    weights = [1 / (rank + 1) for rank in range(len(agents))]
    networks = [
        str(ipaddress.IPv4Address(pick.randrange(2**24, 0xDF000000) & 0xFFFFFF00)) for _ in range(arguments.networks)
    ]
    drawn_networks = pick.choices(networks, [1 / (rank + 1) for rank in range(len(networks))], k=arguments.clicks)
    clicks = [
        _click(number, headers, network, cipher, pick)
        for number, (headers, network) in enumerate(
            zip(pick.choices(agents, weights, k=arguments.clicks), drawn_networks, strict=True), 1
        )
    ]
    return [
        Entry(LANE, start + len(part), encode_frame("edge-7d9f-abcde-0", start + 1, part))
        for start in range(0, len(clicks), PER_FRAME)
        for part in [clicks[start : start + PER_FRAME]]
    ]


def _agents(count: int, pick: random.Random) -> list[dict[str, str]]:
    """The recorded header sets, with the version numbers varied until there are enough distinct user agents."""
    recorded = [{name.lower(): value for name, value in one["headers"]} for one in json.loads(EXAMPLES.read_text())]
    pick.shuffle(recorded)
    varied = list(recorded)
    while len(varied) < count:
        headers = dict(pick.choice(recorded))
        agent = headers.get("user-agent", "")
        if "Mozilla" in agent:
            headers["user-agent"] = agent.replace(".0", f".{pick.randrange(10_000)}", 1)
            varied.append(headers)
    return varied


def _click(number: int, headers: dict[str, str], network: str, cipher: AddressCipher, pick: random.Random) -> Click:
    address = packed_address(network[: network.rindex(".")] + f".{pick.randrange(256)}")
    fetch = [headers.get(f"sec-fetch-{name}", "-") for name in ("site", "mode", "user", "dest")]
    contact = f"c-{pick.randrange(1_000_000):06d}"
    return Click(
        click_id=pick.randbytes(16),
        clicked_at_ms=NOW_MS + number // 100,
        link_id=pick.randrange(10**8),
        code="".join(pick.choices("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=9)),
        short_domain="go.acme.example",
        account="acme",
        broadcast_id=f"spring-{number % 5}",
        broadcast_no=number % 5,
        contact_id=contact,
        audience=pick.choice(("vip", "regular", "new", "lapsed")),
        keyword="",
        source="sms",
        destination=f"https://shop.acme.example/spring?utm_source=sms&c={contact}",
        destination_index=0,
        status=302,
        method="GET",
        sealed_address=cipher.apply(address, LANE, number),
        user_agent=headers.get("user-agent", ""),
        referrer=headers.get("referer", ""),
        accept=headers.get("accept", ""),
        accept_language=headers.get("accept-language", ""),
        purpose=headers.get("sec-purpose", ""),
        sec_fetch="" if set(fetch) == {"-"} else " ".join(fetch),
        sec_ch_ua=headers.get("sec-ch-ua", ""),
    )


def _frames(entry: Entry) -> list[Frame]:
    return [frame for frame in frames_in(entry.frames or b"") if isinstance(frame, Frame)]


def _seconds(step: Callable[[], Any]) -> float:
    def once() -> float:
        started = time.perf_counter()
        step()
        return time.perf_counter() - started

    return min(once() for _ in range(3))


def _us(seconds: float, arguments: argparse.Namespace) -> float:
    return seconds / arguments.clicks * 1e6


if __name__ == "__main__":
    main()
