"""Verification as a sender meets it: a control process, an edge, landing pages, all real."""

from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
import trustme
from redis import Redis

from records.broadcast import decode_broadcast, encode_broadcast
from records.keys import BLOCK_BITS, block_key, broadcast_key
from records.link import Link
from records.link_block import link_in
from records.link_writes import link_writes
from runtime.clickhouse import ClickHouse
from tests.support.control import Control, contacts
from tests.support.edge import Edge
from tests.support.eventually import wait_until
from tests.support.site import Site, site

pytestmark = pytest.mark.servers


class Trial(NamedTuple):
    control: Control
    edge: Edge
    pages: Site
    redis: Redis

    def broadcast(self, *destinations: str, people: int = 5, **fields: Any) -> str:
        """A broadcast of its own with a link for each of these people and destinations."""
        broadcast_id = f"trial-{next(_numbers)}"
        self.control.broadcast(broadcast_id, destinations, **fields)
        if people:
            assert self.control.mint(contacts(people), broadcast_id).status == 200
        return broadcast_id

    def verify(self, broadcast_id: str, query: str = "", **body: Any) -> list[dict[str, Any]]:
        answer = self.control.call("POST", f"/v1/broadcasts/{broadcast_id}/verify{query}", body)
        assert answer.status == 200, answer.body
        assert answer.headers.get_content_type() == "application/x-ndjson"
        return answer.body

    def found(self, broadcast_id: str, **body: Any) -> tuple[str, list[tuple[str, str]]]:
        *findings, last = self.verify(broadcast_id, **body)
        return last["verdict"], [(each["outcome"], each["check"]) for each in findings]

    def number(self, broadcast_id: str) -> int:
        """broadcast_no, as Redis has it."""
        for key in self.redis.scan_iter(broadcast_key(0).replace("0", "*")):
            if decode_broadcast(self.redis.get(key)).broadcast_id == broadcast_id:
                return decode_broadcast(self.redis.get(key)).broadcast_no
        raise AssertionError(broadcast_id)


_numbers = count(1)


@pytest.fixture(scope="module")
def trial(empty_stores, tmp_path_factory):
    folder, root = tmp_path_factory.mktemp("verify"), trustme.CA()
    redis = Redis.from_url(empty_stores[0])
    with root.cert_pem.tempfile() as certificates, site(root) as pages:
        edge = Edge(*empty_stores, folder, TAPTRAIL_DRAIN_S="0")  # no aggregator takes its clicks
        control = Control(
            *empty_stores, folder,
            SSL_CERT_FILE=certificates,
            TAPTRAIL_EDGE_URL=f"http://127.0.0.1:{edge.port}",
            TAPTRAIL_FETCH_ALLOW="127.0.0.0/8",
            TAPTRAIL_ALLOW_PRIVATE_DESTINATIONS="true",
            TAPTRAIL_ALLOW_HTTP_DESTINATIONS="true",
            TAPTRAIL_ALLOW_SCHEMES="mailto",
            TAPTRAIL_VERIFY_SECOND_TRY_S="0.1",
        )  # fmt: skip
        yield Trial(control, edge, pages, redis)
        control.stop()
        edge.stop()
    redis.close()


def test_a_broadcast_that_is_right_passes_and_nothing_is_found(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale?c={{contact_id}}", f"{trial.pages.url}/next?k={{click_id}}")

    assert trial.verify(broadcast_id, sample="all") == [
        {
            "verdict": "pass",
            "counts": {"links": 10, "links_asked": 10, "destinations_fetched": 2, "fail": 0, "unsure": 0, "warn": 0},
        }
    ]


@pytest.mark.parametrize(
    ("path", "verdict", "finding"),
    [
        ("/gone", "fail", ("fail", "status")),
        ("/robots", "unsure", ("unsure", "status")),
        ("/circle", "fail", ("fail", "redirects")),
    ],
)
def test_a_page_that_is_wrong_is_found_and_nothing_else(trial, path, verdict, finding):
    assert trial.found(trial.broadcast(trial.pages.url + path)) == (verdict, [finding])


def test_a_page_that_is_there_for_every_path_is_a_warning(trial):
    assert trial.found(trial.broadcast(f"{trial.pages.soft}/old")) == ("pass", [("warn", "soft-404")])


def test_a_page_that_fails_once_is_no_finding(trial):
    assert trial.found(trial.broadcast(f"{trial.pages.url}/moment")) == ("pass", [])


def test_an_expired_certificate_is_found(trial):
    *findings, _ = trial.verify(trial.broadcast(f"{trial.pages.expired}/sale"))

    assert [(each["check"], each["detail"]) for each in findings] == [("tls", "certificate has expired")]


def test_a_redirect_into_a_private_network_is_never_followed(trial):
    outcome, findings = trial.found(trial.broadcast(f"{trial.pages.url}/inside"))

    assert outcome == "fail"
    assert ("fail", "address") in findings


def test_a_page_must_end_on_a_host_that_the_sender_names(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale")

    assert trial.found(broadcast_id, final_hosts=["localhost"]) == ("pass", [])
    assert trial.found(broadcast_id, final_hosts=["shop.example"]) == ("fail", [("fail", "final-host")])


def test_what_an_app_opens_is_not_fetched_and_said(trial):
    broadcast_id = trial.broadcast("mailto:{contact_id}@shop.example?subject=Grüße {code}".replace(" ", "%20"))

    assert trial.found(broadcast_id) == ("pass", [("warn", "status")])


def test_pages_without_tls_are_a_warning(trial):
    assert trial.found(trial.broadcast(f"{trial.pages.http}/sale")) == ("pass", [("warn", "http")])


def test_no_page_is_fetched_where_the_sender_does_not_want_it(trial):
    assert trial.found(trial.broadcast(f"{trial.pages.url}/gone?once"), fetch=False) == ("pass", [])
    assert "/gone?once" not in trial.pages.asked


def test_a_destination_swapped_behind_the_records_is_found(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale")
    key = broadcast_key(trial.number(broadcast_id))
    record = decode_broadcast(trial.redis.get(key))
    swapped = encode_broadcast(msgspec.structs.replace(record, destinations=("https://evil.example/",)))

    def found():
        trial.redis.set(key, swapped)  # each time: an edge that misses Redis for an instant believes ClickHouse
        *findings, _ = trial.verify(broadcast_id)
        return [(each["outcome"], each["check"], each["detail"], each["examples"][0]) for each in findings]

    ((*finding, example),) = wait_until(found, lambda found: len(found) == 1 and "5 of 5" in found[0][2])

    assert finding == ["fail", "edge", "5 of 5 links lead elsewhere than their records say"]
    assert "leads to https://evil.example/; expected" in example


def test_one_wrong_link_of_many_is_found_in_redis(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale?c={{contact_id}}", people=300)
    link_id = trial.control.mint(contacts(1), broadcast_id).body[0]["link_id"]
    value = link_in(trial.redis.get(block_key(link_id >> BLOCK_BITS)), link_id)
    wrong = Link(value.broadcast_no, 0, value.audience_no, "somebody-else")
    trial.redis.execute_command(*link_writes([link_id], [wrong], 86_400)[0])

    *findings, last = trial.verify(broadcast_id, sample="all", fetch=False)

    assert ("edge", "1 of 300 links lead elsewhere than their records say") in [
        (each["check"], each["detail"]) for each in findings
    ]
    assert last["counts"]["links_asked"] == 300


def test_everything_that_is_wrong_in_one_campaign_is_found_and_nothing_else(trial):
    pages = trial.pages
    sale, late, dead, expired, soft = (
        f"{pages.url}/sale?c={{contact_id}}", f"{pages.url}/next", f"{pages.url}/gone", f"{pages.expired}/sale",
        f"{pages.soft}/old",
    )  # fmt: skip
    broadcast_id = trial.broadcast(sale, late, dead, expired, soft, people=20)
    # Two destinations change places, and one link of a third is another contact's: in Redis alone.
    key = broadcast_key(trial.number(broadcast_id))
    record = decode_broadcast(trial.redis.get(key))
    swapped = (late, sale, *record.destinations[2:])
    trial.redis.set(key, encode_broadcast(msgspec.structs.replace(record, destinations=swapped)))
    links = trial.control.mint(contacts(20), broadcast_id).body
    wrong = next(link["link_id"] for link in links if link["destination_index"] == 2)
    somebodys = Link(record.broadcast_no, 3, 0, "c-0")
    trial.redis.execute_command(*link_writes([wrong], [somebodys], 86_400)[0])

    *findings, last = trial.verify(broadcast_id, sample="all")

    of_pages = [(each["outcome"], each["check"], each["examples"][0]) for each in findings if each["check"] != "edge"]
    assert sorted(of_pages) == [
        ("fail", "status", dead), ("fail", "tls", expired), ("warn", "soft-404", soft),
    ]  # fmt: skip
    assert [each["detail"] for each in findings if each["check"] == "edge"] == [
        "41 of 100 links lead elsewhere than their records say"
    ]
    assert (last["verdict"], last["counts"]["fail"], last["counts"]["warn"]) == ("fail", 3, 1)


async def test_a_contact_without_a_link_and_one_with_two_are_found(trial, clickhouse_url):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale", f"{trial.pages.url}/next", people=3)
    number = trial.number(broadcast_id)
    async with ClickHouse(clickhouse_url) as clickhouse:
        only = "broadcast_no = {no:UInt64} AND contact_id = {contact:String} AND destination_index = 1"
        await clickhouse.execute(
            f"INSERT INTO links SELECT * REPLACE (link_id + 1000000 AS link_id, 'x' AS code) FROM links WHERE {only}",
            no=number, contact="c-0",
        )  # fmt: skip
        await clickhouse.execute(
            f"ALTER TABLE links DELETE WHERE {only} SETTINGS mutations_sync = 1", no=number, contact="c-1"
        )

    *findings, last = trial.verify(broadcast_id, sample=1, fetch=False)

    wrong = [(each["outcome"], each["check"], each["examples"]) for each in findings if each["check"] != "edge"]
    assert wrong == [("fail", "links-per-contact", ["c-1"]), ("fail", "links-per-contact", ["c-0"])]
    assert last["verdict"] == "fail"


def test_a_broadcast_without_links_fails(trial):
    assert trial.found(trial.broadcast(f"{trial.pages.url}/sale", people=0)) == (
        "fail",
        [("fail", "links-per-contact")],
    )


def test_a_destination_that_no_link_names_is_a_warning(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale")
    more = {"destinations": [f"{trial.pages.url}/sale", f"{trial.pages.url}/next"]}
    assert trial.control.call("PATCH", f"/v1/broadcasts/{broadcast_id}", more).status == 200

    assert trial.found(broadcast_id) == ("pass", [("warn", "links-per-contact")])


def test_a_stopped_broadcast_fails_and_one_that_begins_later_is_a_warning(trial):
    stopped = trial.broadcast(f"{trial.pages.url}/sale")
    trial.control.call("PATCH", f"/v1/broadcasts/{stopped}", {"stopped": True})
    later = trial.broadcast(f"{trial.pages.url}/sale", valid_from="2099-01-01T00:00:00Z")

    assert trial.found(stopped) == ("fail", [("fail", "edge")])
    assert trial.found(later) == ("pass", [("warn", "edge")])


def test_progress_is_told_to_who_asks_for_it(trial):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale")

    assert {"asked": 5, "of": 5} in trial.verify(broadcast_id, "?progress=true")


@pytest.mark.parametrize(
    "body", [{"sample": 0}, {"sample": "some"}, {"sample": 1_000_001}, {"fetch": "no"}, {"nope": 1}]
)
def test_a_wrong_body_is_refused(trial, body):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale", people=0)
    assert trial.control.call("POST", f"/v1/broadcasts/{broadcast_id}/verify", body).status == 422


def test_an_edge_that_is_away_leaves_the_verdict_open(trial, valkey_url, clickhouse_url, tmp_path):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/sale")
    for setting in ({}, {"TAPTRAIL_EDGE_URL": "http://127.0.0.1:1"}):
        control = Control(valkey_url, clickhouse_url, tmp_path, **setting)
        *findings, last = control.call("POST", f"/v1/broadcasts/{broadcast_id}/verify", {"fetch": False}).body
        control.stop()

        assert [(each["outcome"], each["check"]) for each in findings] == [("unsure", "edge")]
        assert last["verdict"] == "unsure"


def test_a_page_on_this_network_is_not_fetched_without_a_setting(trial, valkey_url, clickhouse_url, tmp_path):
    broadcast_id = trial.broadcast(f"{trial.pages.url}/quiet")
    control = Control(valkey_url, clickhouse_url, tmp_path, TAPTRAIL_EDGE_URL=f"http://127.0.0.1:{trial.edge.port}")
    *findings, last = control.call("POST", f"/v1/broadcasts/{broadcast_id}/verify", {}).body
    control.stop()

    assert [(each["outcome"], each["check"]) for each in findings] == [("fail", "address")]
    assert "/quiet" not in trial.pages.asked
    assert last["verdict"] == "fail"
