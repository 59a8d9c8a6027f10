"""Messages a second on one core, with segments and warnings, and the memory that they take.

    python -m loadtest.bench_compose [--contacts 1000000] [--short] [--minted]

The yardstick is what nobody can leave out: filling the text with str.format and encoding the lines. Memory is the peak
of a process of its own for 10,000 contacts and for all. --short: 100,000 contacts. --minted: then the same by
`taptrail compose` against a stack of its own, with links minted: how long, and the peaks of the command and of control.
Exits with 1 below 50,000 messages/s, or where memory grows with the contacts.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from loadtest.bench_mint import csv_seconds, peak_mb_of
from messages.composer import Composer
from messages.line import MessageLink
from messages.summary import line_of
from messages.template import parsed
from stack.demo import DOMAIN, start_stack, stop_stack

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
    parser.add_argument("--minted", action="store_true")
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
    if options.minted:
        minted(contacts)
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


def minted(contacts: int) -> None:
    """Says what messages with minted links take, from a CSV of contacts to a CSV of texts."""
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-compose-") as name:
        stack, ready = start_stack(Path(name))
        try:
            few, many = (_minted(Path(name), ready, count) for count in (FEW, contacts))
        finally:
            stop_stack(stack)
    print(f"minted: {contacts:,} messages in {many.seconds:.1f} s, {contacts / many.seconds:,.0f} messages/s, "
          f"{many.seconds / many.least_s:.1f} times reading and writing as many lines with the csv module")  # fmt: skip
    for name, before, after in zip(("taptrail compose", "control"), few.peaks_mb, many.peaks_mb, strict=True):
        growth = (after - before) * 1e6 / (contacts - FEW)
        print(
            f"{name}: {before:.0f} MB for {FEW:,} contacts, {after:.0f} MB for {contacts:,}: {growth:.0f} bytes a contact"
        )


class _Minted(NamedTuple):
    seconds: float
    least_s: float
    peaks_mb: tuple[float, float]  # of the command and of control


def _minted(folder: Path, ready: dict[str, Any], contacts: int) -> _Minted:
    given, out = folder / f"{contacts}.csv", folder / f"{contacts}.out.csv"
    with given.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("contact_id", "first_name", "order"))
        for batch in _batches(contacts):
            writer.writerows((contact_id, *fields.values()) for contact_id, fields, _ in batch)
    command = [sys.executable, "-m", "cli", "compose", "--domain", DOMAIN, "--broadcast", f"of-{contacts}", "--text", TEXT,
               "--contacts", str(given), "--out", str(out)]  # fmt: skip
    environ = os.environ | {"TAPTRAIL_CONTROL_URL": ready["control"], "TAPTRAIL_API_KEY": ready["api_key"]}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"taptrail compose ended with {process.returncode}")
    least_s = csv_seconds(given, out, folder / "again.csv")
    return _Minted(seconds, least_s, (usage.ru_maxrss / 1024, peak_mb_of(ready["pids"]["control"])))


def _batches(contacts: int) -> Iterator[list[tuple[str, dict[str, str], str]]]:
    for start in range(0, contacts, BATCH):
        yield [
            (f"c-{number:08d}", {"first_name": NAMES[number % 10], "order": str(number)},
             f"https://go.acme.example/{number:09d}")
            for number in range(start, min(contacts, start + BATCH))
        ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
