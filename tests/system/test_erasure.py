"""A contact is erased from the whole system, while it runs and while parts of it are killed."""

import asyncio
import json
import os
import signal
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
import redis as redis_py

from runtime.clickhouse import ClickHouse
from tests.support.erasure import places_with
from tests.support.eventually import wait_until
from tests.support.stack import tap_all

WHO = "c-3"  # of the contacts c-0, c-1, ... of Stack.mint
ASKED = ("erase", "--contact", WHO, "--json")


def tap(stack, code):
    """Status and Location."""
    port = urlsplit(stack.ready["edge"]).port
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{code}", headers={"Host": "go.acme.example"})
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.headers.get("Location")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def report(stack):
    """Without what says when, and what the visits of now are."""
    told = json.loads(stack.run("report", "spring", "--json").stdout)
    return {name: told[name] for name in ("links", "clicks", "unique_contacts") if name in told}


def left_in_clickhouse(stack):
    async def look():
        async with ClickHouse(stack.ready["clickhouse"]) as client:
            return await places_with(client, WHO)

    return asyncio.run(look())


def left_in_redis(stack):
    client = redis_py.Redis.from_url(stack.ready["redis"])
    return [key for key in client.scan_iter("*", count=1000) if WHO.encode() in (client.dump(key) or b"")]


def sums(stack):
    return stack.sql("SELECT count(), uniqExact(contact_id), uniqExact(link_id), min(seq), max(seq) FROM clicks")


def done(stack, erasure_id):
    answer = stack.run("erase", "--help")
    assert answer.returncode == 0
    request = urllib.request.Request(
        f"{stack.ready['control']}/v1/erasures/{erasure_id}",
        headers={"Authorization": f"Bearer {stack.ready['api_key']}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as body:
            return json.loads(body.read())["state"] == "done"
    except OSError:  # killed at the moment
        return False


@pytest.mark.timeout(240)
def test_an_erased_contact_is_nowhere_and_its_link_leads_on(stack):
    codes = stack.mint(10)
    assert asyncio.run(tap_all(stack.ready["edge"], codes)) == []
    stack.wait_for_rows(10)
    before, told = sums(stack), report(stack)
    assert left_in_clickhouse(stack)

    answer = stack.run(*ASKED, "--wait")

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["state"] == "done"
    assert left_in_clickhouse(stack) == []
    assert left_in_redis(stack) == []
    assert (sums(stack), report(stack)) == (before, told)
    assert stack.run("audit").returncode == 0
    assert tap(stack, codes[3]) == (302, "https://acme.example/l?c=")
    assert tap(stack, codes[4]) == (302, "https://acme.example/l?c=c-4")
    stack.wait_for_rows(12)
    assert stack.sql("SELECT uniqExact(contact_id), countIf(contact_id = '') FROM clicks") == [[10, 0]]
    assert left_in_clickhouse(stack) == []
    wait_until(lambda: stack.run("ledger").returncode, equals=0)


@pytest.mark.timeout(240)
def test_a_link_of_an_erased_contact_ends_where_that_is_asked_for(stack):
    codes = stack.mint(10)
    assert tap(stack, codes[3])[0] == 302

    answer = stack.run(*ASKED, "--wait", "--stop-links")

    assert answer.returncode == 0, answer.stderr
    assert tap(stack, codes[3]) == (410, None)
    assert tap(stack, codes[4])[0] == 302
    stack.wait_for_rows(3)
    assert left_in_clickhouse(stack) == []


@pytest.mark.timeout(240)
def test_an_erasure_ends_the_same_with_clicks_in_a_spool_and_whoever_is_killed(stack):
    codes = stack.mint(10)
    assert asyncio.run(tap_all(stack.ready["edge"], codes)) == []
    stack.wait_for_rows(10)
    os.kill(stack.pid("redis"), signal.SIGSTOP)
    try:
        assert asyncio.run(tap_all(stack.ready["edge"], codes)) == [], "they are in the spool, with the contact"
    finally:
        os.kill(stack.pid("aggregator"), signal.SIGKILL)
        os.kill(stack.pid("redis"), signal.SIGCONT)
    erasure_id = json.loads(stack.run(*ASKED).stdout)["erasure_id"]
    for name in ("aggregator", "clickhouse", "control", "redis", "aggregator"):
        stack.kill(name)

    wait_until(lambda: done(stack, erasure_id), within_s=120)

    stack.wait_for_rows(20)
    assert stack.identities() == (20, 20, 10)
    assert stack.sql("SELECT uniqExact(contact_id), countIf(contact_id = '') FROM clicks") == [[10, 0]]
    assert left_in_clickhouse(stack) == []
    wait_until(lambda: left_in_redis(stack), equals=[])
    wait_until(lambda: stack.run("ledger").returncode, equals=0)
