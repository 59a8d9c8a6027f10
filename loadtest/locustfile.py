"""What a broadcast does to the edge, by Locust: taps when they are due (loadtest/tap_schedule.py), every answer checked.

At the end the taps are counted against ClickHouse, by class of visitor; a run that lost, doubled or misjudged one, or
saw a wrong answer, fails.

    make loadtest                                                     # headless, against a stack of its own
    python -m loadtest.run --web                                      # the same with Locust's web page
    locust -f loadtest/locustfile.py --host URL --links links.csv     # against any edge

One Locust process; the edge must believe its X-Forwarded-For (TAPTRAIL_TRUSTED_PROXIES).
"""

import csv
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from geventhttpclient.client import HTTPClient
from locust import FastHttpUser, LoadTestShape, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtest.risen import SLOW_MS, Shares
from loadtest.tap_schedule import OwnLink, Send, Tap, plan

MOST_LATE = 0.05  # the share of such taps beyond which a run says nothing about what was planned
LATE_S = 1.0  # a tap that leaves later than this after it was due is not the load that was asked for
SILENT_S = 30.0  # without a new row in ClickHouse: the others are lost
HTTPClient.DEFAULT_HEADERS.clear()  # a visit without a user agent stays without one


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--links", env_var="TAPTRAIL_LINKS", default="links.csv", help="what `taptrail mint` wrote")
    parser.add_argument("--shared", env_var="TAPTRAIL_SHARED", default="", help="slugs, by commas")
    parser.add_argument("--send-s", type=float, default=10, help="from the first message to the last")
    parser.add_argument("--total-s", type=float, default=40, help="until the last tap")
    parser.add_argument("--tap-rate", type=float, default=0.15, help="share of the contacts who tap")
    parser.add_argument("--phones", type=int, default=60, help="connections at a time")
    parser.add_argument(
        "--bare", action="store_true", help="any redirect is right: the yardstick, which records nothing"
    )
    parser.add_argument("--shares", default="", help="a file for what loadtest/risen.py compares")
    parser.add_argument("--analyst", env_var="TAPTRAIL_CLICKHOUSE_ANALYST_URL", default="", is_secret=True,
                        include_in_web_ui=False, help="URL of ClickHouse, with user and password")  # fmt: skip


class Run:
    """One run: what is still to come, and what was counted."""

    taps: list[Tap]  # the next one is the last
    domain = ""
    began = 0.0
    late = 0
    slow = 0
    rows_before: Counter[str]
    redirected: Counter[str]  # by expected class; each must be a row


@events.test_start.add_listener
def begin(environment: Environment, **_: Any) -> None:
    options: Any = environment.parsed_options
    with Path(options.links).open(newline="") as file:
        rows = list(csv.DictReader(file))
    Run.domain = urlsplit(rows[0]["short_url"]).netloc
    links = [OwnLink(row["code"], row["contact_id"]) for row in rows]
    shared = [slug for slug in options.shared.split(",") if slug]
    Run.taps = plan(links, shared, Send(options.send_s, options.total_s, options.tap_rate))[::-1]
    Run.rows_before = _rows(options.analyst) if options.analyst else Counter()
    Run.redirected, Run.late, Run.slow, Run.began = Counter(), 0, 0, time.monotonic()


@events.request.add_listener
def time_tap(response_time: float, **_: Any) -> None:
    Run.slow += response_time > SLOW_MS


class Phone(FastHttpUser):
    """Whoever taps next; one connection a user, kept alive."""

    network_timeout = 10.0

    @task
    def next_tap(self) -> None:
        now_s = time.monotonic() - Run.began
        if not Run.taps or Run.taps[-1].due_s > now_s:
            time.sleep(min(Run.taps[-1].due_s - now_s, 0.1) if Run.taps else 0.1)
            return
        tap = Run.taps.pop()
        Run.late += now_s - tap.due_s > LATE_S
        self.tap(tap, tap.visit["expected_class"] if tap.expected else "unknown code")

    def tap(self, tap: Tap, name: str) -> None:
        headers = {**dict(tap.visit["headers"]), "Host": Run.domain, "X-Forwarded-For": tap.address}
        with self.client.request(
            tap.visit["method"], f"/{tap.code}", name=name, headers=headers, allow_redirects=False, catch_response=True
        ) as answer:
            location = (answer.headers or {}).get("Location", "")
            if self.environment.parsed_options.bare and answer.status_code == 302:
                answer.success()
            elif tap.expected and answer.status_code == 302 and tap.expected in location:
                Run.redirected[name] += 1
                answer.success()
            elif not tap.expected and answer.status_code in (404, 429):
                answer.request_meta["name"] = f"unknown code, {answer.status_code}"
                answer.success()
            else:
                answer.failure(f"answered {answer.status_code} {location}")


class Broadcast(LoadTestShape):
    """All phones from the start, until the plan is done: the plan says when taps come."""

    def tick(self) -> tuple[int, float] | None:
        options: Any = self.runner.environment.parsed_options if self.runner else None
        patience_s = 3 * options.total_s + 30
        is_done = self.get_run_time() > options.total_s and not Run.taps
        return None if is_done or self.get_run_time() > patience_s else (options.phones, options.phones)


@events.init.add_listener
def let_taps_finish(environment: Environment, **_: Any) -> None:
    """A user that is sent away finishes its tap first: one cut off could be a row that nobody counted."""
    environment.stop_timeout = 10.0


@events.test_stop.add_listener
def judge(environment: Environment, **_: Any) -> None:
    """Sets the exit code, and says why."""
    options: Any = environment.parsed_options
    failures, left = environment.stats.total.num_failures, len(Run.taps)
    faults = [f"{failures} wrong answers"] if failures else []
    faults += [f"{left} taps were never made"] if left else []
    if Run.late > MOST_LATE * Run.redirected.total():
        faults.append(f"{Run.late} taps left late: that was not the load that was planned")
    not_recorded = 0
    if options.analyst:
        rows = _rows_in_the_end(options.analyst)
        faults += [] if rows == Run.redirected else [f"ClickHouse has {rows.total()} rows, {_said(rows)}"]
        not_recorded = (Run.redirected - rows).total()
    if options.shares:
        taps = max(environment.stats.total.num_requests, 1)
        shares = Shares(Run.slow / taps, failures / taps, not_recorded / taps)
        Path(options.shares).write_bytes(msgspec.json.encode(shares))
    environment.process_exit_code = 1 if faults else 0
    print(
        f"{'FAIL: ' + '; '.join(faults) if faults else 'PASS'}: {Run.redirected.total()} redirects, {_said(Run.redirected)}"
    )
    if not options.analyst:
        print("Not counted against ClickHouse: --analyst is not given")
    if Run.late:
        print(f"{Run.late} taps left more than {LATE_S:.0f} s late: edge or generator are at their limit")


def _rows_in_the_end(url: str) -> Counter[str]:
    """Rows of this run's redirects by class, once all are there or no more come."""
    seen, give_up_at = -1, 0.0
    while True:
        rows = _rows(url)
        rows.subtract(Run.rows_before)
        if rows.total() > seen:
            seen, give_up_at = rows.total(), time.monotonic() + SILENT_S
        if seen >= Run.redirected.total() or time.monotonic() > give_up_at:
            return +rows
        time.sleep(0.5)


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common() if count)


def _rows(url: str) -> Counter[str]:
    """Rows of redirects by class."""
    sql = "SELECT visit_class, count() FROM clicks WHERE status BETWEEN 300 AND 399 GROUP BY visit_class"
    answer = requests.post(url, params={"database": "taptrail"}, data=sql, timeout=30)
    answer.raise_for_status()
    return Counter({name: int(count) for name, count in (line.split("\t") for line in answer.text.splitlines())})
