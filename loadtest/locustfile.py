"""What a broadcast does to the edge: previews as the messages arrive, people within minutes, a tail over hours.

Locust users tap the links of a minted CSV (TAPTRAIL_LINKS), each contact's own link once or twice, some shared links
very often, and now and then a code that was never issued. Every answer is checked; at the end the taps are counted
against ClickHouse (TAPTRAIL_CLICKHOUSE_ANALYST_URL), and a run that lost or doubled one fails.

    make loadtest                                             # headless, against a stack of its own
    locust -f loadtest/locustfile.py --host http://127.0.0.1:8080     # with Locust's web page
"""

import csv
import json
import os
import random
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment

EXAMPLES = Path(__file__).parent.parent / "examples"
VISITS: list[dict[str, Any]] = json.loads((EXAMPLES / "visits.json").read_text())
PEOPLE = [visit for visit in VISITS if visit["expected_class"] == "human"]
PREVIEWS = [visit for visit in VISITS if visit["expected_class"] == "preview"]
MACHINES = [visit for visit in VISITS if visit["expected_class"] in {"bot", "scanner", "prefetch"}]
WEIGHTS = [visit["weight"] for visit in PEOPLE]

BURST_S = float(os.environ.get("TAPTRAIL_BURST_S", "10"))  # the first minutes after a send, shortened
TOTAL_S = float(os.environ.get("TAPTRAIL_TOTAL_S", "40"))
PEAK_USERS = int(os.environ.get("TAPTRAIL_PEAK_USERS", "60"))
SHARED_LINKS = 20  # the first links of the file stand for keyword links, tapped again and again


class Taps:
    """Links still to be tapped, and what was counted."""

    links: deque[tuple[str, str]]
    shared: list[tuple[str, str]]
    domain = ""
    recorded = 0  # answers of known links: each must be a row


@events.test_start.add_listener
def read_links(environment: Environment, **_: Any) -> None:
    with Path(os.environ.get("TAPTRAIL_LINKS", "links.csv")).open(newline="") as file:
        rows = [(row["code"], row["contact_id"], row["short_url"]) for row in csv.DictReader(file)]
    Taps.domain = urlsplit(rows[0][2]).netloc
    links = [(code, contact_id) for code, contact_id, _ in rows]
    Taps.shared, own = links[:SHARED_LINKS], links[SHARED_LINKS:]
    random.shuffle(own)
    Taps.links = deque(own)
    Taps.recorded = 0


class Recipients(FastHttpUser):
    """Phones and what fetches on their behalf; one connection a user, kept alive."""

    network_timeout = 10.0

    @task(60)
    def person(self) -> None:
        """A contact's own link, sometimes tapped again."""
        if not Taps.links:
            return self.shared_link()
        link = Taps.links.popleft()
        visit = random.choices(PEOPLE, WEIGHTS)[0]
        self.tap(link, visit)
        if random.random() < 0.2:
            self.tap(link, visit)
        return None

    @task(15)
    def preview(self) -> None:
        """The messaging app looks before its owner does; the link is still to be tapped."""
        if Taps.links:
            self.tap(Taps.links[random.randrange(len(Taps.links))], random.choice(PREVIEWS))

    @task(10)
    def shared_link(self) -> None:
        self.tap(random.choice(Taps.shared), random.choices(PEOPLE, WEIGHTS)[0])

    @task(5)
    def machine(self) -> None:
        self.tap(random.choice(Taps.shared), random.choice(MACHINES))

    @task(3)
    def unknown(self) -> None:
        """A typo or a scan: never a redirect, never a row."""
        code = "".join(random.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", k=9))
        with self.client.get(
            f"/{code}", name="unknown code", headers={"Host": Taps.domain}, allow_redirects=False, catch_response=True
        ) as answer:
            if answer.status_code == 404:
                answer.success()
            else:
                answer.failure(f"an unknown code answered {answer.status_code}")

    def tap(self, link: tuple[str, str], visit: dict[str, Any]) -> None:
        code, contact_id = link
        headers = {**dict(visit["headers"]), "Host": Taps.domain, "X-Forwarded-For": visit["address"]}
        with self.client.request(
            visit["method"], f"/{code}", name=visit["expected_class"], headers=headers, allow_redirects=False,
            catch_response=True,
        ) as answer:  # fmt: skip
            location = (answer.headers or {}).get("Location", "")
            if answer.status_code == 302 and f"={contact_id}" in location:
                Taps.recorded += 1
                answer.success()
            else:
                answer.failure(f"answered {answer.status_code} {location}")


class Broadcast(LoadTestShape):
    """All users within the burst, then a decay by half every quarter of what is left."""

    def tick(self) -> tuple[int, float] | None:
        elapsed_s = self.get_run_time()
        if elapsed_s > TOTAL_S:
            return None
        if elapsed_s < BURST_S:
            return PEAK_USERS, PEAK_USERS / 2
        quarters = (elapsed_s - BURST_S) / ((TOTAL_S - BURST_S) / 4)
        return max(2, round(PEAK_USERS * 0.5**quarters)), PEAK_USERS / 2


@events.init.add_listener
def let_taps_finish(environment: Environment, **_: Any) -> None:
    """A user that the shape sends away finishes its tap first: one cut off could be a row that nobody counted."""
    environment.stop_timeout = 10.0


@events.test_stop.add_listener
def count_rows(environment: Environment, **_: Any) -> None:
    """Fails the run when ClickHouse has more or fewer clicks than were answered, or any answer was wrong."""
    url = os.environ.get("TAPTRAIL_CLICKHOUSE_ANALYST_URL")
    failures = environment.stats.total.num_failures
    if failures:
        environment.process_exit_code = 1
    if not url:
        print("TAPTRAIL_CLICKHOUSE_ANALYST_URL is not set: the taps are not counted against ClickHouse")
        return
    deadline = time.monotonic() + 30
    while (rows := _rows(url)) < Taps.recorded and time.monotonic() < deadline:
        time.sleep(0.5)
    verdict = "PASS" if rows == Taps.recorded and not failures else "FAIL"
    print(f"{verdict}: {Taps.recorded} taps of known links, {rows} rows, {failures} wrong answers")
    environment.process_exit_code = 0 if verdict == "PASS" else 1


def _rows(url: str) -> int:
    answer = requests.post(url, params={"database": "taptrail"}, data="SELECT count() FROM clicks", timeout=10)
    answer.raise_for_status()
    return int(answer.text)
