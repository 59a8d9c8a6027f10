"""Issue by issue what a user relies on: the whole system, through its real doors."""

import asyncio
import json
import subprocess
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
import redis as redis_py
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.eventually import wait_until
from tests.support.stack import Stack, tap_all


@pytest.mark.timeout(240)
def test_ten_thousand_taps_are_ten_thousand_rows_whoever_is_killed(stack):
    codes = stack.mint(10_000)
    assert len(set(codes)) == 10_000
    kills = {2_000: "aggregator", 4_000: "redis", 6_000: "aggregator", 8_000: "clickhouse"}

    wrong = asyncio.run(tap_all(stack.ready["edge"], codes, each=lambda n: n in kills and stack.kill(kills.pop(n))))

    assert wrong == []
    assert kills == {}
    stack.wait_for_rows(10_000)
    assert stack.identities() == (10_000, 10_000, 10_000)
    wait_until(lambda: json.loads(stack.run("ledger", "--json").stdout)["pending"], equals=0)
    done = stack.run("ledger")
    assert (done.returncode, "It adds up" in done.stdout) == (0, True), done.stdout


@pytest.mark.timeout(240)
def test_a_flushed_redis_gives_no_wrong_404_and_loses_no_click(stack):
    codes = stack.mint(5_000)
    client = redis_py.Redis.from_url(stack.ready["redis"])

    wrong = asyncio.run(tap_all(stack.ready["edge"], codes, each=lambda n: n % 1_000 == 500 and client.flushall()))

    assert wrong == []
    stack.wait_for_rows(5_000)
    assert stack.identities() == (5_000, 5_000, 5_000)
    wait_until(lambda: stack.run("ledger").returncode, equals=0)
    more = stack.mint(1_000, broadcast="summer")
    assert not set(more) & set(codes), "codes are never given twice, also after Redis was lost"


@pytest.mark.timeout(240)
def test_a_second_up_continues_with_everything_there(stack, tmp_path):
    codes = stack.mint(100)
    asyncio.run(tap_all(stack.ready["edge"], codes[:50]))
    assert stack.stop() == 0
    again = Stack(tmp_path)
    try:
        wrong = asyncio.run(tap_all(again.ready["edge"], codes))

        assert wrong == []
        again.wait_for_rows(150)
        assert again.ready["api_key"] == stack.ready["api_key"]
        assert again.run("ledger").returncode == 0
    finally:
        again.stop()


@pytest.mark.timeout(240)
def test_analysts_query_with_the_tools_they_have_and_cannot_write(stack):
    codes = stack.mint(30)
    asyncio.run(tap_all(stack.ready["edge"], codes))
    stack.wait_for_rows(30)
    parts = urlsplit(stack.ready["clickhouse_analyst"])
    login = {"host": parts.hostname, "port": parts.port, "username": parts.username, "password": parts.password}
    client = clickhouse_connect.get_client(**login, database="taptrail")

    (row,) = client.query("SELECT count(), any(device_type), any(short_domain) FROM clicks").result_rows
    assert row == (30, "phone", "go.acme.example")
    query = "utm_source=x&gclid=y&other=z&gclid=second&utm_term=gr%C3%BCn&utm_id=%FF&x=" + "a" * 5_000
    assert asyncio.run(tap_all(f"{stack.ready['edge']}", [f"{codes[0]}?{query}"])) == []
    stack.wait_for_rows(31)
    (row,) = client.query("SELECT query_marks FROM clicks WHERE notEmpty(query_marks)").result_rows
    assert row == ({"utm_source": "x", "gclid": "y", "utm_term": "grün", "utm_id": "\ufffd"},)
    for statement in ("INSERT INTO links (link_id) VALUES (1)", "TRUNCATE TABLE clicks", "DROP TABLE clicks"):
        with pytest.raises(DatabaseError):
            client.command(statement)
    url = f"http://{parts.hostname}:{parts.port}/?database=taptrail"
    curl = [
        "curl",
        "-sS",
        "--user",
        f"{parts.username}:{parts.password}",
        url,
        "--data-binary",
        "SELECT count() FROM clicks",
    ]
    assert subprocess.run(curl, capture_output=True, text=True, check=True).stdout == "31\n"


@pytest.mark.timeout(240)
def test_a_fixed_destination_and_a_stop_are_in_force_on_links_already_sent(stack):
    (code,) = stack.mint(1)
    host = {"Host": "go.acme.example"}

    def tap():
        request = urllib.request.Request(f"{stack.ready['edge']}/{code}", headers=host)
        try:
            opener = urllib.request.build_opener(NoRedirect)
            return opener.open(request).status
        except urllib.error.HTTPError as error:
            return error.headers.get("Location") or error.code

    assert tap() == "https://acme.example/l?c=c-0"
    assert stack.run("broadcast", "to", "spring", "https://acme.example/mended").returncode == 0
    wait_until(tap, equals="https://acme.example/mended", within_s=1)
    assert stack.run("broadcast", "stop", "spring").returncode == 0
    wait_until(tap, equals=410, within_s=1)
    assert stack.run("broadcast", "resume", "spring").returncode == 0
    wait_until(tap, equals="https://acme.example/mended", within_s=1)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None
