"""How long a click takes from frame to ArrowStream, beside plain decoding of the same frames.

    python -m loadtest.bench_enrich [--clicks 100000] [--agents 3000] [--city FILE.mmdb] [--asn FILE.mmdb]

The yardstick is msgspec alone; the ratio holds on any machine, the microseconds on the one that printed them.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from aggregator.days import day_of
from aggregator.decode import Entry, decode
from aggregator.enrich import Enricher
from aggregator.rows import arrow_stream
from loadtest.traffic import NOW_MS, Traffic
from records.address import AddressCipher
from records.click import Frame, decode_frame, frames_in
from visitors.devices import Devices
from visitors.geo import Geo

LANE = 0x5EED
BATCH_ENTRIES = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clicks", type=int, default=100_000)
    parser.add_argument("--agents", type=int, default=3_000, help="distinct user agents")
    parser.add_argument("--networks", type=int, default=20_000, help="distinct /24 networks")
    parser.add_argument("--city", default="", help="a city .mmdb")
    parser.add_argument("--asn", default="", help="an ASN .mmdb")
    arguments = parser.parse_args()

    cipher = AddressCipher(bytes(range(16)))
    entries = list(Traffic(cipher, arguments.agents, arguments.networks).entries(LANE, arguments.clicks))
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
    """The steps of the aggregator that need no network, each timed by itself over batches of its usual size."""

    def __init__(self, cipher: AddressCipher, geo: Geo) -> None:
        self._enricher = Enricher(cipher, Devices(), geo)
        self._salts = {day_of(NOW_MS): bytes(16)}
        self.seconds: dict[str, float] = {}

    def run(self, entries: list[Entry]) -> dict[str, float]:
        self.seconds = {"decode": 0.0, "enrich": 0.0, "arrow_stream": 0.0}
        for start in range(0, len(entries), BATCH_ENTRIES):
            part = entries[start : start + BATCH_ENTRIES]
            clicks = self._timed("decode", lambda part=part: decode(part, {}).clicks)
            found = self._timed("enrich", lambda clicks=clicks: self._enricher.enrich(clicks, self._salts))
            self._timed("arrow_stream", lambda clicks=clicks, found=found: arrow_stream(clicks, found, NOW_MS))
        return self.seconds

    def _timed(self, name: str, step: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = step()
        self.seconds[name] += time.perf_counter() - started
        return result


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
