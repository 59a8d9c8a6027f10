"""Messages a second on one core, with segments and warnings, and the memory that they take.

    python -m loadtest.bench_compose [--contacts 1000000] [--short]

The yardstick is what nobody can leave out: filling the text with str.format and encoding the lines. Memory is the peak
of a process of its own for 10,000 contacts and for all. --short: 100,000 contacts. Exits with 1 below
50,000 messages/s, or where memory grows with the contacts.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec

from messages.composer import Composer
from messages.line import MessageLink
from messages.summary import line_of
from messages.template import parsed

SHOP = "https://shop.acme.example/o/{order}?utm_source=sms"
TEXT = f"Hi {{first_name|there}}, your order {{order}} is on its way. Track it here: {SHOP}"
NAMES = ("Ada", "José", "Zoë", "Søren", "Łukasz", "Mary", "Ben", "Chloe", "Ola", "Max")  # two in ten are not GSM-7
REACH_RATE = 50_000  # messages/s
MOST_GROWTH_MB = 5
FEW, BATCH = 10_000, 10_000

_encoder = msgspec.json.Encoder()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    contacts = 100_000 if options.short else options.contacts
    if options.child:
        composed_s(contacts)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return 0
    spent_s, least_s = composed_s(contacts), least_seconds(contacts)
    rate = contacts / spent_s
    print(
        f"{contacts:,} messages in {spent_s:.2f} s of CPU: {rate:,.0f} messages/s on one core, at least {REACH_RATE:,}"
    )
    print(f"yardstick: str.format and JSON {least_s:.2f} s; composing takes {spent_s / least_s:.2f} times that")
    few_mb, all_mb = peak_mb(FEW), peak_mb(contacts)
    print(f"peak memory: {few_mb:.1f} MB for {FEW:,} contacts, {all_mb:.1f} MB for {contacts:,}")
    return 0 if rate >= REACH_RATE and all_mb - few_mb <= MOST_GROWTH_MB else 1


def composed_s(contacts: int) -> float:
    """CPU seconds of composing and encoding the lines of so many contacts, whose fields are made outside of them."""
    template = parsed(TEXT)
    composer = Composer(template, template.urls, "go.acme.example")
    spent_s = 0.0
    for batch in _batches(contacts):
        started = time.process_time()
        lines = []
        for contact_id, fields, url in batch:
            links = [MessageLink(0, url[-9:], url)]
            lines.append(line_of(contact_id, composer.message(fields, [url]), links))
        _encoder.encode_lines(lines)
        spent_s += time.process_time() - started
    return spent_s


def least_seconds(contacts: int) -> float:
    text = "Hi {first_name}, your order {order} is on its way. Track it here: {url}"
    spent_s = 0.0
    for batch in _batches(contacts):
        started = time.process_time()
        _encoder.encode_lines(
            [{"contact_id": contact_id, "text": text.format(url=url, **fields)} for contact_id, fields, url in batch]
        )
        spent_s += time.process_time() - started
    return spent_s


def peak_mb(contacts: int) -> float:
    command = [sys.executable, "-m", "loadtest.bench_compose", "--child", "--contacts", str(contacts)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _batches(contacts: int) -> Iterator[list[tuple[str, dict[str, str], str]]]:
    for start in range(0, contacts, BATCH):
        yield [
            (f"c-{number:08d}", {"first_name": NAMES[number % 10], "order": str(number)},
             f"https://go.acme.example/{number:09d}")
            for number in range(start, min(contacts, start + BATCH))
        ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
