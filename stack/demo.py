"""`make demo`: the main job end to end, on real servers and real sockets, with what it measured printed.

Starts the embedded stack on free ports, mints a broadcast for examples/contacts.csv, taps its links with the
recorded headers of examples/visits.json, waits for the clicks in ClickHouse, prints report and ledger, stops all.
With --stay it prints where the pages are, and stops at Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

EXAMPLES = Path(__file__).parent.parent / "examples"
DOMAIN = "go.acme.example"
BROADCAST = "autumn-sale"
DESTINATION = "https://shop.acme.example/autumn?contact={contact_id}&click={click_id}"
TAP_SHARE = {"vip": 0.55, "regular": 0.32, "new": 0.24, "lapsed": 0.09}  # of each audience, who taps
AT_ONCE = 32

console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)


class DemoFailed(Exception):
    """What did not hold, in one line."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stay", action="store_true", help="run until Ctrl-C, to look at the pages")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="taptrail-demo-") as folder:
        stack, ready = start_stack(Path(folder))
        console.print(f"The stack runs: edge {ready['edge']}, control {ready['control']}")
        try:
            links = mint(ready, Path(folder) / "links.csv")
            visits = json.loads((EXAMPLES / "visits.json").read_text())
            asyncio.run(tap_and_report(ready, links, plan(links, visits)))
            ledger = taptrail(ready, "ledger", check=False)
            console.print(ledger.stdout.rstrip())
            if ledger.returncode:
                raise DemoFailed("the ledger does not add up")
            if options.stay:
                stay(ready, stack)
        except DemoFailed as error:
            console.print(f"[red]The demo failed: {error}[/red]")
            return 1
        finally:
            stop_stack(stack)
    console.print(f"Everything stopped. The demo took {time.monotonic() - started:.0f} s.")
    return 0


def start_stack(folder: Path) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
    ports = [part for name in ("edge", "control", "clickhouse", "redis", "ops") for part in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "cli", "up", "--data", str(folder / "data"), *ports]
    # The recorded visits come with the address of a phone; the demo stands where a load balancer would.
    environment = os.environ | {"TAPTRAIL_TRUSTED_PROXIES": "127.0.0.1/32"}
    log = (folder / "up.log").open("w")
    stack = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert stack.stdout is not None  # noqa: S101 - it is a pipe
    line = stack.stdout.readline()
    if not line:
        stack.wait()
        raise SystemExit("The stack did not start:\n" + (folder / "up.log").read_text())
    return stack, json.loads(line)


def stay(ready: dict[str, Any], stack: "subprocess.Popen[str]") -> None:
    """Until Ctrl-C, or until the stack has ended by itself."""
    console.print(f"\nReport: {ready['control']}/reports/{BROADCAST}")
    console.print(f"Sign in with the API key {ready['api_key']}; Ctrl-C stops everything.")
    with contextlib.suppress(KeyboardInterrupt):
        stack.wait()


def stop_stack(stack: "subprocess.Popen[str]") -> None:
    stack.terminate()
    try:
        stack.wait(60)
    except subprocess.TimeoutExpired:
        stack.kill()


def taptrail(ready: dict[str, Any], *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run one `taptrail` command against this stack."""
    environment = os.environ | {"TAPTRAIL_CONTROL_URL": ready["control"], "TAPTRAIL_API_KEY": ready["api_key"]}
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise DemoFailed(f"`taptrail {arguments[0]}` ended with {done.returncode}: {done.stderr.strip()}")
    return done


def mint(ready: dict[str, Any], out: Path) -> list[dict[str, str]]:
    contacts = EXAMPLES / "contacts.csv"
    started = time.monotonic()
    taptrail(
        ready, "mint", "--domain", DOMAIN, "--broadcast", BROADCAST, "--to", DESTINATION,
        "--contacts", str(contacts), "--out", str(out),
    )  # fmt: skip
    with out.open(newline="") as file, contacts.open(newline="") as given:
        audiences = {row["contact_id"]: row["audience"] for row in csv.DictReader(given)}
        links = [{**row, "audience": audiences[row["contact_id"]]} for row in csv.DictReader(file)]
    console.print(f"Links minted: {len(links)} in {time.monotonic() - started:.1f} s, such as {links[0]['short_url']}")
    if len({link["code"] for link in links}) != len(audiences):
        raise DemoFailed(f"{len(audiences)} contacts got {len(links)} links")
    return links


def plan(links: list[dict[str, str]], visits: list[dict[str, Any]]) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """(link, visit) in the order of a send: previews as the messages arrive, people later, scanners in between.

    Every recorded visit is used at least once. The same numbers on every run.
    """
    chance = random.Random(20)  # noqa: S311 - a repeatable demo
    people = [visit for visit in visits if visit["expected_class"] == "human"]
    machines = [visit for visit in visits if visit["expected_class"] != "human"]
    weights = [visit["weight"] for visit in people]
    taps = [(chance.choice(links), visit) for visit in visits]
    taps.extend((link, chance.choice(machines)) for link in links if chance.random() < 0.12)
    for link in links:
        if chance.random() < TAP_SHARE[link["audience"]]:
            person = chance.choices(people, weights)[0]
            taps.extend([(link, person)] * chance.choice((1, 1, 1, 2)))
    return taps


async def tap_and_report(
    ready: dict[str, Any], links: list[dict[str, str]], taps: list[tuple[dict[str, str], dict[str, Any]]]
) -> None:
    elapsed_s = await send(ready["edge"], taps)
    expected = Counter(visit["expected_class"] for _, visit in taps)
    console.print(f"Taps sent: {len(taps)}, all redirected to the right contact's page, in {elapsed_s:.1f} s")
    late_s = await until_rows(ready, len(taps))
    console.print(f"The last click was in ClickHouse {late_s:.1f} s after the last tap")
    async with aiohttp.ClientSession() as session:
        report = await get_report(session, ready)
        quantiles = await sql(session, ready, "SELECT quantiles(0.5, 0.99)(received_at - clicked_at) FROM clicks")
    median_s, most_s = quantiles[0]
    console.print(f"Time from tap to row: median {median_s:.2f} s, 99 % within {most_s:.2f} s")
    show(report)
    found = {name: count for name, count in report["clicks"].items() if count}
    if found != dict(expected):
        raise DemoFailed(f"taps were {dict(expected)}, the report says {found}")
    if report["links"] != len(links):
        raise DemoFailed(f"{len(links)} links were minted, the report says {report['links']}")


async def send(edge: str, taps: list[tuple[dict[str, str], dict[str, Any]]]) -> float:
    """Tap the links through real sockets, a few at a time; checks each answer."""
    queue = list(reversed(taps))
    started = time.monotonic()
    async with aiohttp.ClientSession(
        auto_decompress=False, skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding")
    ) as session:

        async def tapper() -> None:
            while queue:
                await tap(session, edge, *queue.pop())

        await asyncio.gather(*(tapper() for _ in range(AT_ONCE)))
    return time.monotonic() - started


async def tap(session: aiohttp.ClientSession, edge: str, link: dict[str, str], visit: dict[str, Any]) -> None:
    headers = [*visit["headers"], ("Host", DOMAIN), ("X-Forwarded-For", visit["address"])]
    async with session.request(
        visit["method"], f"{edge}/{link['code']}", headers=headers, allow_redirects=False
    ) as answer:
        location = answer.headers.get("Location", "")
        if answer.status != 302 or f"contact={link['contact_id']}&" not in location:
            raise DemoFailed(f"{link['short_url']} of {link['contact_id']} answered {answer.status} {location}")


async def until_rows(ready: dict[str, Any], count: int, longest_s: float = 30.0) -> float:
    """Wait until ClickHouse has that many clicks; gives the seconds it took."""
    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while True:
            (rows,) = await sql(session, ready, "SELECT count() FROM clicks")
            if rows == count:
                return time.monotonic() - started
            if rows > count or time.monotonic() - started > longest_s:
                raise DemoFailed(f"{count} taps gave {rows} rows")
            await asyncio.sleep(0.1)


async def sql(session: aiohttp.ClientSession, ready: dict[str, Any], query: str) -> list[Any]:
    """The first row, asked as an analyst would."""
    parameters = {"database": "taptrail", "default_format": "JSONCompactEachRow",
                  "output_format_json_quote_64bit_integers": "0"}  # fmt: skip
    async with session.post(ready["clickhouse_analyst"], params=parameters, data=query) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise DemoFailed(f"ClickHouse refused {query}: {text}")
        return list(json.loads(text.splitlines()[0]))


async def get_report(session: aiohttp.ClientSession, ready: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    async with session.get(f"{ready['control']}/v1/broadcasts/{BROADCAST}/report", headers=headers) as answer:
        report: dict[str, Any] = await answer.json()
        if answer.status != 200:
            raise DemoFailed(f"the report answered {answer.status}: {report}")
        return report


def show(report: dict[str, Any]) -> None:
    clicks = report["clicks"]
    machines = ", ".join(f"{count} {name}" for name, count in clicks.items() if name != "human" and count)
    console.print(
        f"Broadcast {BROADCAST}: {report['links']} links, {report['unique_contacts']} people tapped "
        f"({report['click_through_rate']:.1%})"
    )
    console.print(f"Visits: {clicks['human']} taps by people; machines: {machines}")
    audiences = Table(
        "audience",
        "links",
        "people",
        "click-through",
        title="By audience",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for row in report["by_audience"]:
        audiences.add_row(
            row["audience"], str(row["links"]), str(row["unique_contacts"]), f"{row['click_through_rate']:.1%}"
        )
    devices = Table("device", "taps", title="By device", title_justify="left", box=None, pad_edge=False)
    for row in report["by_device"]:
        devices.add_row(row["device_type"], str(row["clicks"]))
    console.print(audiences, devices)


if __name__ == "__main__":
    sys.exit(main())
