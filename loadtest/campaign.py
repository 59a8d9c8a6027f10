"""`make campaign`: the commands of docs/campaign.md as they stand, for 100,000 contacts, against the known truth.

    python -m loadtest.campaign [--contacts 100000]

Runs the page against a stack of its own and taps a sample of the links in between. Every text is compared with what its
contact has to get and counted again by two other implementations; every tap has to lead to the contact's own page; the
report has to say what was tapped. Times are said as multiples of what nobody can leave out: to read the contacts and
fill the text by str.format. Exits with 1 where anything differs.
"""

import argparse
import asyncio
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp

from loadtest.campaign_people import Person, Truth, people, truth_of, write_contacts
from stack.demo import DOMAIN, start_stack, stop_stack, taptrail
from tests.support.eventually import wait_until
from tests.support.segments import by_two_others

ROOT = Path(__file__).parents[1]
_SECTION = re.compile(r"^## (.*?)$|```bash\n(.*?)```", re.MULTILINE | re.DOTALL)
_SENT = "5. Sent"  # the people tap after this section
_URL = re.compile(rf"https://{re.escape(DOMAIN)}/([A-Za-z0-9]+)")
_AT_ONCE = 32
_PHONE, _PREVIEW = "human", "preview"


class Differs(Exception):
    """What is not as it has to be."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--tap", nargs=2, metavar=("EDGE", "MESSAGES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tap:
        edge, messages = options.tap
        asyncio.run(_tap_all(edge, _texts(Path(messages))))
        return 0
    with tempfile.TemporaryDirectory(prefix="taptrail-campaign-") as name:
        stack, ready = start_stack(Path(name))
        try:
            _campaign(Path(name), ready, options.contacts)
        except Differs as differs:
            print(f"FAILED: {differs}")
            return 1
        finally:
            stop_stack(stack)
    print("The texts, the taps and the report are as they have to be.")
    return 0


def _campaign(folder: Path, ready: dict[str, Any], count: int) -> None:
    (folder / "examples").mkdir()
    write_contacts(folder / "examples" / "campaign.csv", count)
    least_s = _least_seconds(folder / "examples" / "campaign.csv")
    said = _page(folder, ready, least_s)
    for expected in (f"{count:,} messages, ", f"{count} messages in messages.csv", "It adds up",
                     f"Looked at {count} of {count} links and 0 pages: 0 failures"):  # fmt: skip
        if expected not in said:
            raise Differs(f"the page's commands did not say {expected!r}:\n{said[-4000:]}")
    texts = _texts(folder / "messages.csv")
    _compare_texts(texts, count)
    _recount(texts, _composed_again(folder, ready), said)
    taps_of_the_page = (ROOT / "docs" / "campaign.md").read_text().count('"$EDGE/$CODE')
    truth = truth_of(count, [Person(0)] * taps_of_the_page)  # all of the first link
    report = wait_until(lambda: _report(ready), lambda said: said["clicks"]["human"] >= truth.human, within_s=60)
    _compare_report(report, truth)


def _page(folder: Path, ready: dict[str, Any], least_s: float) -> str:
    """Runs the page in one shell; gives what it printed."""
    script = "\n".join(["set -e", *_blocks(), 'echo "@@ $EPOCHREALTIME end" >&2'])
    script = script.replace('.venv/bin/taptrail "$@"', f'"{sys.executable}" -m cli "$@"')
    script = script.replace("EDGE=http://127.0.0.1:8080", f"EDGE={ready['edge']}")
    environ = os.environ | {"TAPTRAIL_DATA": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Differs(f"the page's commands ended with {done.returncode}: {done.stderr[-4000:]}")
    marks = [line.split(" ", 2)[1:] for line in done.stderr.splitlines() if line.startswith("@@ ")]
    for (began, section), (ended, _) in pairwise(marks):
        spent_s = float(ended) - float(began)
        print(f"{spent_s:7.1f} s  {spent_s / least_s:6.1f} times the least  {section}")
    return done.stdout


def _blocks() -> Iterator[str]:
    """The commands of the page, with a mark before each section and the taps of the people once it was sent."""
    section = "before"
    for title, block in _SECTION.findall((ROOT / "docs" / "campaign.md").read_text()):
        if title:
            if section == _SENT:
                yield 'echo "@@ $EPOCHREALTIME the taps of the people, which this script makes" >&2'
                yield f'"{sys.executable}" -m loadtest.campaign --tap "$EDGE" messages.csv'
            section = title
            yield f'echo "@@ $EPOCHREALTIME {title}" >&2'
        else:
            yield block


def _texts(messages: Path) -> dict[str, str]:
    with messages.open(newline="", encoding="utf-8") as file:
        return {row["contact_id"]: row["text"] for row in csv.DictReader(file)}


def _compare_texts(texts: dict[str, str], count: int) -> None:
    wrong = [one.phone for one in people(count) if texts.get(one.phone) != one.text(_link(texts.get(one.phone, "")))]
    codes = {_code(text) for text in texts.values()}
    if wrong or not len(texts) == len(codes) == count:
        raise Differs(f"{len(wrong)} of {len(texts)} texts are wrong, such as {wrong[:3]}; {len(codes)} links")


def _composed_again(folder: Path, ready: dict[str, Any]) -> list[dict[str, Any]]:
    """The same messages as lines of the API: the broadcast has its text, and every contact its link."""
    again = folder / "again.ndjson"
    taptrail(ready, "compose", "--domain", DOMAIN, "--broadcast", "autumn", "--contacts", str(folder / "examples" / "campaign.csv"),
             "--map", "contact_id=Phone", "--map", "audience=Segment", "--format", "ndjson", "--out", str(again))  # fmt: skip
    return [json.loads(line) for line in again.read_text().splitlines()]


def _recount(texts: dict[str, str], lines: list[dict[str, Any]], said: str) -> None:
    """Every text against its line and two other implementations; their sums against what the dry run said."""
    began, wrong, by_encoding, segments = time.monotonic(), [], Counter[str](), 0
    for line in lines:
        ours = (line["encoding"], line["segments"])
        if line["text"] != texts[line["contact_id"]] or by_two_others(line["text"]) != (ours, ours):
            wrong.append(line["text"])
        by_encoding[line["encoding"]] += 1
        segments += line["segments"]
    if wrong or len(lines) != len(texts):
        raise Differs(f"{len(wrong)} of {len(lines)} texts are counted otherwise by others, such as {wrong[:3]}")
    encodings = ", ".join(f"{name} {by_encoding[name]:,}" for name in sorted(by_encoding))
    for expected in (f"{segments:,} segments; nothing was minted", f"encoding: {encodings}"):
        if expected not in said:
            raise Differs(f"the dry run did not say {expected!r}, which the messages come to")
    print(f"{len(lines):,} texts, {segments:,} segments ({encodings}): counted alike by two other implementations, "
          f"in {time.monotonic() - began:.0f} s")  # fmt: skip


def _report(ready: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(taptrail(ready, "report", "autumn", "--json").stdout)
    return report


def _compare_report(report: dict[str, Any], truth: Truth) -> None:
    said = Truth(
        links=report["links"],
        human=report["clicks"]["human"],
        preview=report["clicks"]["preview"],
        unique_contacts=report["unique_contacts"],
        by_audience={
            row["audience"]: (row["links"], row["clicks"], row["unique_contacts"]) for row in report["by_audience"]
        },
    )
    if said != truth or sum(report["clicks"].values()) != truth.human + truth.preview:
        raise Differs(f"the report says {said} and clicks {report['clicks']}; true is {truth}")
    print(f"{truth.human:,} taps by {truth.unique_contacts:,} people and {truth.preview:,} previews: all reported")


async def _tap_all(edge: str, texts: dict[str, str]) -> None:
    """Tap the links of the people that tap, from an address and a phone of their own; raises Differs."""
    visits = {
        visit["expected_class"]: visit for visit in reversed(json.loads((ROOT / "examples/visits.json").read_text()))
    }
    queue = [
        (one, visits[kind])
        for one in people(len(texts))
        for kind, times in ((_PHONE, one.taps), (_PREVIEW, one.previews))
        for _ in range(times)
    ]
    left = iter(queue)
    async with aiohttp.ClientSession(skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding")) as session:

        async def tapper() -> None:
            for one, visit in left:
                await _tap(session, edge, one, texts[one.phone], visit)

        await asyncio.gather(*(tapper() for _ in range(_AT_ONCE)))
    print(f"{len(queue):,} taps, each led to the page of its own contact")


async def _tap(session: aiohttp.ClientSession, edge: str, one: Person, text: str, visit: dict[str, Any]) -> None:
    address = f"2001:db8:{one.number // 2**16:x}:{one.number % 2**16:x}::1"
    headers = [*visit["headers"], ("Host", DOMAIN), ("X-Forwarded-For", address)]
    async with session.request(
        visit["method"], f"{edge}/{_code(text)}", headers=headers, allow_redirects=False
    ) as answer:
        if answer.headers.get("Location") != one.page:
            raise Differs(
                f"the link of {one.phone} answers {answer.status} {answer.headers.get('Location')}, not {one.page}"
            )


def _code(text: str) -> str:
    """Of the link in a text."""
    found = _URL.search(text)
    return found[1] if found else ""


def _link(text: str) -> str:
    return f"https://{DOMAIN}/{_code(text)}"


def _least_seconds(contacts: Path) -> float:
    began = time.monotonic()
    with contacts.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file, delimiter=";"):
            "Hi {name}, order {order}".format(name=row["First name"], order=row["Order"])
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
