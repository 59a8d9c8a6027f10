"""Each figure of a report is what a scripted campaign's own truth says, played through edge, aggregator and control."""

import http.client
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from tests.support import scripted_campaign as script
from tests.support.campaign_truth import Truth
from tests.support.eventually import wait_until
from tests.support.geo_files import written
from tests.support.scripted_campaign import HELP, MOVED, SHOP, Done
from tests.support.segments import by_two_others
from tests.support.stack import Stack

DOMAIN, ZONE = "go.acme.example", "Asia/Kolkata"
BROADCAST = "/v1/broadcasts/sale"
EVEN_S = 0.1


@pytest.fixture
def stack(tmp_path, monkeypatch):
    places = {
        network: {"country": {"iso_code": country}, "subdivisions": [{"names": {"en": region}}]}
        for network, (country, region) in script.PLACES.items()
    }
    monkeypatch.setenv("TAPTRAIL_GEO_CITY_DB", written(tmp_path / "city.mmdb", places))
    monkeypatch.setenv("TAPTRAIL_TRUSTED_PROXIES", "127.0.0.1/32")
    monkeypatch.setenv("TAPTRAIL_REGRADE_EVERY_S", "1")
    running = Stack(tmp_path)
    yield running
    running.stop()


def test_every_figure_of_the_report_is_what_the_script_says(stack):
    played = Campaign(stack)
    truth = played.play()

    report = wait_until(lambda: played.api("GET", f"{BROADCAST}/report?tz={ZONE}"), truth.is_reached_by, within_s=60)

    found = {name: report.pop(name) for name in truth.totals()}
    assert found == truth.totals()
    assert (report.pop("broadcast_id"), report.pop("tz"), report.pop("sent_at")) == ("sale", ZONE, played.sent_at)
    assert report.pop("by_audience") == truth.by_audience()
    assert report.pop("by_destination") == truth.by_destination(played.versions, played.urls)
    assert report.pop("by_rule") == [{"rule": "", "clicks": len(truth.people)}]
    assert report.pop("by_device") == truth.ranked(lambda visit: visit.visitor.device[0], "device_type")
    assert report.pop("by_os") == truth.ranked(lambda visit: visit.visitor.device[1], "os")
    assert report.pop("by_browser") == truth.ranked(lambda visit: visit.visitor.device[2], "browser")
    assert report.pop("by_country") == truth.ranked(lambda visit: visit.place[0], "country")
    assert report.pop("by_region") == truth.ranked(lambda visit: visit.place, "country", "region")
    assert by_name(report.pop("by_reason")) == by_name(truth.by_reason())
    assert report.pop("by_hour") == truth.by_hour()
    assert report.pop("by_hour_since_send") == truth.by_hour_since_send()
    assert report.pop("by_time") == truth.by_time(ZONE)
    assert report.pop("by_weekday_hour") == truth.by_weekday_hour(ZONE)
    compare_waits(report.pop("seconds_to_tap"), truth.waited())
    canaries = report.pop("canaries")
    assert canaries == truth.canaries() | {name: canaries[name] for name in ("scan_rate_95", "miss_rate_95")}
    assert report.pop("segments") == truth.segments()
    warnings = {row["warning"]: row["count"] for row in report.pop("warnings")}
    assert warnings == truth.warnings(played.of_messages)
    assert report == {}, "a figure that this test does not count"
    done = stack.run("ledger")
    assert done.returncode == 0, done.stdout


def by_name(rows):
    return sorted(rows, key=lambda row: (row["visit_class"], row["reason"]))


def compare_waits(seconds, waited):
    """The edge reads its clock some milliseconds after the script."""
    slack_s = 0.5
    middle = len(waited) // 2
    assert waited[middle - 1] - slack_s <= seconds["median"] <= waited[middle] + slack_s
    assert waited[int(len(waited) * 0.9) - 1] - slack_s <= seconds["p90"] <= waited[int(len(waited) * 0.9)] + slack_s
    for row in seconds["cumulative"]:
        least, most = (sum(wait <= row["seconds"] + slack for wait in waited) for slack in (-slack_s, slack_s))
        assert least / len(waited) <= row["share"] <= most / len(waited), row


class Campaign:
    """Plays the script; keeps when each visit was made, and what was in force."""

    def __init__(self, stack):
        self._stack, self._done, self._changes = stack, [], 0
        self._edge = urlsplit(stack.ready["edge"])
        self._control = urlsplit(stack.ready["control"])
        self.versions, self.urls = {}, {}  # of each destination now; of each that there was
        self._over = False

    def play(self):
        """The truth about it."""
        self._prepare()
        self._visit(script.EARLY)
        self._send()
        self._visit([*script.PERSONS, *script.HANDED_ON])
        self._visit([*script.MACHINES, *script.POSTER, *script.OF_CANARIES])
        self._visit(script.WALK, every_s=EVEN_S)
        self._change({"stopped": True})
        self._over = True
        self._visit(script.TOO_LATE)
        self._change({"stopped": False})
        self._over = False
        self._change({"to": MOVED}, path=f"{BROADCAST}/destinations/0")
        self._force(0, MOVED)
        self._visit([*script.PERSONS[:7], *script.SECOND_LINKS])
        *_, verdict = self.api("POST", f"{BROADCAST}/verify", {"fetch": False, "sample": "all"})
        assert verdict["verdict"] == "pass", verdict  # its own visits are in no figure
        sent = datetime.fromisoformat(self.sent_at).timestamp()
        return Truth(self._done, sent, self._segments)

    def _prepare(self):
        self.api("PUT", f"/v1/domains/{DOMAIN}", {})
        self._change({"short_domain": DOMAIN, "text": script.TEXT}, "PUT")
        self._force(0, SHOP)
        self._force(1, HELP)
        numbers = range(script.CONTACTS)
        lines = [
            {"contact_id": f"c-{no}", "audience": script.audience(no), "fields": script.fields(no)} for no in numbers
        ]
        messages = self.api(
            "POST", f"{BROADCAST}/messages", b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        )
        self._codes = {
            (no, link["destination_index"]): link["code"] for no in numbers for link in messages[no]["links"]
        }
        texts = [script.text_of(no, [link["short_url"] for link in messages[no]["links"]]) for no in numbers]
        assert [message["text"] for message in messages] == texts
        counts = [by_two_others(text) for text in texts]
        assert all(one == other for one, other in counts)
        self._segments = [segments for (_, segments), _ in counts]
        said = {
            "several-links": len(texts), "link-neither-first-nor-last": len(texts),
            "more-than-one-segment": sum(segments > 1 for segments in self._segments),
            "over-three-segments": sum(segments > 3 for segments in self._segments),
            "unicode-because-of": sum(encoding == "ucs2" for (encoding, _), _ in counts),
        }  # fmt: skip
        self.of_messages = {name: count for name, count in said.items() if count}
        canaries = self.api("POST", f"{BROADCAST}/canaries", {"count": script.CANARIES})["canaries"]
        self._canaries = [one["code"] for one in canaries]
        poster = {"short_domain": DOMAIN, "broadcast_id": "sale", "destination_index": 0, "slug": "SALE"}
        self.api("POST", "/v1/links", poster)
        time.sleep(1.1)  # until then the links count as sent when they were minted

    def _send(self):
        time.sleep(1.1)
        self.sent_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"  # after the early taps, at a whole second
        self._change({"sent_at": self.sent_at})
        time.sleep(1.1)  # a visit within a second of the send is a machine's

    def _force(self, destination, url):
        self.versions[destination] = self._changes
        self.urls[destination, self._changes] = url

    def _change(self, part, method="PATCH", path=BROADCAST):
        self.api(method, path, part)
        self._changes += 1
        time.sleep(1.0)  # in force on every edge within that

    def _visit(self, visits, every_s=0.002):
        """No two within a millisecond: the report would not know which was first."""
        for visit in visits:
            at = time.time()
            status = self._tap(visit)
            assert status == (410 if self._over else 302), (visit, status)
            self._done.append(Done(visit, at, self.versions[visit.destination], self._over))
            time.sleep(every_s)

    def _tap(self, visit):
        code = "SALE"
        if visit.canary is not None:
            code = self._canaries[visit.canary]
        elif visit.contact is not None:
            code = self._codes[visit.contact, visit.destination]
        headers = {"Host": DOMAIN, "X-Forwarded-For": visit.address, **dict(visit.visitor.headers)}
        status, _ = asked(self._edge, visit.visitor.method, f"/{code}", None, headers)
        return status

    def api(self, method, path, body=None):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._stack.ready['api_key']}"}
        status, text = asked(self._control, method, path, data, headers)
        assert status in (200, 201), (path, status, text)
        if path.endswith(("/messages", "/verify")):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)


def asked(where, method, path, data, headers):
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
