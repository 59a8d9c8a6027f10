"""The users of docs/deploy.md: each process does its work with just these rights, on a real Valkey and ClickHouse."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.doctor.command import examined
from cli.doctor.environment import SETTINGS, given_to
from runtime.clickhouse import ClickHouse, ClickHouseRefused
from tests.cli.granted import ROOT, grants
from tests.support.control import SHOP, Control, contacts
from tests.support.edge import HOST, Edge
from tests.support.eventually import wait_until
from tests.support.processes import Process, free_port, running
from tests.support.regrade import differing, insert_judged, regrade

PAGE = (ROOT / "docs/deploy.md").read_text()


def test_the_page_says_what_the_doctor_looks_for():
    """After a change of GRANTS or COMMANDS: make users."""
    assert runpy.run_path(str(ROOT / "docs/users.py"))["page"](PAGE) == PAGE


async def test_clickhouse_understands_the_sql_of_the_page(clickhouse):
    """Its own parser does; the engine has no place in which to keep users."""
    blocks = re.findall(r": make users -->\n```sql\n(.*?)```", PAGE, re.DOTALL)
    statements = [one.strip() for one in "".join(blocks).split(";") if one.strip()]

    for statement in statements:
        quoted = statement.replace("'", "''")
        assert await clickhouse.value(f"SELECT formatQuery('{quoted}')")

    kinds = [statement.split(" ")[:2] for statement in statements]
    assert kinds.count(["CREATE", "USER"]) == 6
    assert kinds.count(["CREATE", "SETTINGS"]) == 1


@pytest.fixture
def clickhouse_urls(tmp_path):
    """The URL of each process."""
    port = free_port()
    command = [sys.executable, "-m", "tests.cli.granted", str(tmp_path / "clickhouse"), str(port)]
    with running(command, port, tmp_path / "clickhouse.log"):
        yield {process: f"http://{process}:{process}@127.0.0.1:{port}" for process in grants()}


@pytest.fixture
async def redis_urls(own_valkey):
    lines = re.findall(r"^(ACL SETUSER .*)$", PAGE, re.MULTILINE)
    client = Redis.from_url(own_valkey.url)
    for line in lines:
        words = shlex.split(line)
        await client.execute_command(*(f">{words[2]}" if word == ">..." else word for word in words))
    await client.execute_command("ACL", "SETUSER", "default", "off")
    names = [line.split(" ")[2] for line in lines]
    return {name: own_valkey.url.replace("//", f"//{name}:{name}@") for name in names}


@pytest.fixture
def processes(clickhouse_urls, redis_urls, tmp_path):
    """Each as its own user; the aggregator first, which makes the schema."""
    environ = {
        "TAPTRAIL_CODE_KEY": bytes(range(16)).hex(), "TAPTRAIL_REDIS_URL": redis_urls["aggregator"],
        "TAPTRAIL_CLICKHOUSE_URL": clickhouse_urls["aggregator"],
    }  # fmt: skip
    aggregator = Process(["-m", "aggregator"], free_port(), tmp_path / "aggregator.log", environ)
    started = [aggregator]
    try:
        wait_until(aggregator.ready)
        started.append(Control(redis_urls["control"], clickhouse_urls["control"], tmp_path))
        started.append(Edge(redis_urls["edge"], clickhouse_urls["edge"], tmp_path))
        yield started
    finally:
        for process in reversed(started):
            assert process.stop() == 0


def logged(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*.log"))


@pytest.mark.system
async def test_each_process_does_its_work_with_the_rights_of_its_own_user(
    processes, clickhouse_urls, redis_urls, tmp_path
):
    _, control, edge = processes
    control.broadcast()
    minted = control.mint(contacts(3)).body
    shared = control.call(
        "POST", "/v1/links", {"short_domain": HOST, "destination": "https://acme.example/", "slug": "SALE"}
    )

    taps = [edge.get("/" + code).headers["Location"] for code in [*(one["code"] for one in minted), "SALE"]]
    control.call("PATCH", "/v1/broadcasts/spring", {"destinations": ["https://shop.acme.example/new"]})
    wait_until(lambda: edge.get("/" + minted[0]["code"]).headers["Location"], equals="https://shop.acme.example/new")
    edge.process.terminate()
    assert edge.process.wait(30) == 0

    assert shared.status == 201
    assert taps == [SHOP.replace("{contact_id}", f"c-{number}") for number in range(3)] + ["https://acme.example/"]
    wait_until(lambda: control.call("GET", "/v1/ledger").body["inserted"] >= 5)
    ledger = control.call("GET", "/v1/ledger").body
    assert (ledger["gap"], ledger["pending"], ledger["waiting"]) == (0, 0, 0)
    assert control.call("GET", "/v1/broadcasts/spring/report").body["links"] == 3
    assert control.call("GET", "/v1/audit").body["missing"] == 0
    assert re.findall(r"NOPERM|ACCESS_DENIED|Not enough privileges", logged(tmp_path)) == []


@pytest.mark.system
async def test_the_doctor_finds_nothing_that_a_user_lacks(
    processes, clickhouse_urls, redis_urls, tmp_path, monkeypatch
):
    for process in SETTINGS:
        monkeypatch.setenv("TAPTRAIL_REDIS_URL", redis_urls[process])
        monkeypatch.setenv("TAPTRAIL_CLICKHOUSE_URL", clickhouse_urls[process])
        found = await examined(given_to([process]), domains=False)

        lacking = {one.check: one.found for one in found if one.state != "ok"}
        stores = {check for check in lacking if check.startswith(("redis", "clickhouse"))}
        assert stores <= {"clickhouse disk"}, lacking  # it is this machine's


@pytest.mark.system
async def test_the_user_of_the_aggregator_may_judge_clicks_again(processes, clickhouse_urls):
    async with ClickHouse(clickhouse_urls["aggregator"]) as clickhouse:
        await insert_judged(clickhouse, 50)

        found = await regrade(clickhouse)

        assert found.rows > 0
        assert await differing(clickhouse) == 0


@pytest.mark.system
async def test_an_edge_that_was_broken_into_changes_no_link(processes, clickhouse_urls, redis_urls):
    clickhouse = ClickHouse(clickhouse_urls["edge"])
    try:
        for statement in (
            "INSERT INTO links (link_id) SELECT 1",
            "ALTER TABLE clicks DELETE WHERE 1",
            "DROP TABLE clicks",
        ):
            with pytest.raises(ClickHouseRefused, match="Not enough privileges"):
                await clickhouse.execute(statement)
    finally:
        await clickhouse.close()
