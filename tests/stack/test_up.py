"""`taptrail up`: one line when all is ready, children kept, nothing lost between two runs."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from queue import Empty, Queue
from urllib.parse import urlsplit

import psutil
import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from runtime.clickhouse import ClickHouse, ClickHouseRefused
from tests.support.eventually import wait_until
from tests.support.processes import free_port

pytestmark = pytest.mark.system

PORTS = [word for name in ("edge", "control", "clickhouse", "redis", "ops") for word in (f"--{name}-port", "0")]


class Up:
    """A running `up`, and what it says on stdout."""

    def __init__(self, process, log):
        self.process, self.log, self.ready = process, log, {}
        self.lines = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def says(self, within_s=40.0):
        try:
            return json.loads(self.lines.get(timeout=within_s))
        except Empty:
            raise AssertionError(self.log.read_text()) from None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def started(folder, *options, **environ):
    """`up` on folder/data, ready."""
    log = folder / "up.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "stack.up", "--data", str(folder / "data"), *(options or PORTS)],
            stdout=subprocess.PIPE, stderr=out, text=True, env={**os.environ, **environ},
        )  # fmt: skip
    up = Up(process, log)
    try:
        up.ready = up.says()
        yield up
    finally:
        if process.poll() is None:
            up.stop()


def refusal(folder, *options):
    """What an `up` that must not start says."""
    command = [sys.executable, "-m", "stack.up", "--data", str(folder / "data"), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("up")
    with started(folder, *PORTS, "--edge-workers", "2") as up:
        up.folder = folder
        yield up


async def test_the_ready_line_says_where_everything_is(up):
    ready = up.ready
    assert ready["event"] == "ready"
    assert set(ready) == {
        "event", "edge", "control", "clickhouse", "clickhouse_analyst", "redis", "ops", "api_key", "pids",
    }  # fmt: skip
    assert len(ready["pids"]["edge"]) == len(ready["ops"]["edge"]) == 2
    async with ClientSession() as session:
        for url in (*ready["ops"]["edge"], ready["ops"]["aggregator"], ready["ops"]["control"]):
            for path in ("/healthz", "/readyz", "/metrics"):
                async with session.get(url + path) as response:
                    assert response.status == 200, url + path
        async with session.get(ready["edge"] + "/nothing", headers={"Host": "go.acme.example"}) as response:
            assert response.status == 404
        headers = {"Authorization": f"Bearer {ready['api_key']}"}
        async with session.get(ready["control"] + "/v1/ledger", headers=headers) as response:
            assert response.status == 200


async def test_both_clickhouse_urls_reach_the_schema_and_one_of_them_writes(up):
    writer, analyst = ClickHouse(up.ready["clickhouse"]), ClickHouse(up.ready["clickhouse_analyst"])
    sql = "INSERT INTO dead_clicks (lane) SELECT 1"

    await writer.execute(sql)
    with pytest.raises(ClickHouseRefused):
        await analyst.execute(sql)

    assert await analyst.value("SELECT count() FROM dead_clicks WHERE lane = 1") == 1
    await writer.close()
    await analyst.close()


async def test_valkey_writes_what_it_has_to_disk_and_evicts_nothing(up):
    redis = Redis.from_url(up.ready["redis"])
    persistence = await redis.config_get("append*")
    assert (persistence["appendonly"], persistence["appendfsync"]) == ("yes", "everysec")
    assert await redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    await redis.aclose()


def test_the_secrets_are_readable_by_their_owner_alone(up):
    for name in ("credentials.json", "running.json"):
        path = up.folder / "data" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, name
    command = " ".join(" ".join(one.cmdline()) for one in psutil.Process(up.process.pid).children())
    assert up.ready["api_key"] not in command
    assert urlsplit(up.ready["redis"]).password not in command
    assert up.ready["clickhouse"].split(":")[2].split("@")[0] not in command


def test_nobody_else_can_read_anything_of_the_data_directory(up):
    data = up.folder / "data"

    readable = [path for path in (data, *data.rglob("*")) if path.lstat().st_mode & 0o077]

    assert [path for path in readable if not path.is_symlink()] == []


async def test_redis_answers_nobody_without_its_password(up):
    stranger = Redis.from_url(up.ready["redis"].replace(urlsplit(up.ready["redis"]).password, "guess"))
    nobody = Redis(host="127.0.0.1", port=urlsplit(up.ready["redis"]).port)

    for client in (stranger, nobody):
        with pytest.raises(AuthenticationError):
            await client.get("tt:d:go.acme.example")
        await client.aclose()


def test_running_json_holds_the_ready_line(up):
    assert json.loads((up.folder / "data" / "running.json").read_text())["edge"] == up.ready["edge"]


@pytest.mark.parametrize("name", ["aggregator", "control", "redis", "clickhouse", "edge"])
def test_a_child_that_dies_is_restarted_on_its_port_and_said(up, name):
    running = up.folder / "data" / "running.json"
    pids = json.loads(running.read_text())["pids"][name]
    pid = pids[0] if name == "edge" else pids

    os.kill(pid, signal.SIGKILL)
    said = up.says()

    assert (said["event"], said["name"]) == ("restarted", name)
    assert said["pid"] != pid
    now = json.loads(running.read_text())
    assert said["pid"] in (now["pids"][name] if name == "edge" else [now["pids"][name]])
    assert {**now, "pids": {}} == {**up.ready, "pids": {}}


def test_a_second_up_on_the_same_directory_is_refused(up):
    said = refusal(up.folder, *PORTS)
    assert str(up.folder / "data") in said
    assert str(up.process.pid) in said


def test_a_port_that_is_taken_is_refused_with_the_option_that_changes_it(up, tmp_path):
    taken = up.ready["edge"].rpartition(":")[2]
    said = refusal(tmp_path, *PORTS, "--edge-port", taken)
    assert taken in said
    assert "--edge-port" in said


@pytest.mark.system
async def test_a_second_run_goes_on_with_everything_of_the_first(tmp_path):
    ports = [
        word for name in ("edge", "control", "clickhouse", "redis") for word in (f"--{name}-port", str(free_port()))
    ]
    with started(tmp_path, *ports) as first:
        clickhouse, redis = ClickHouse(first.ready["clickhouse"]), Redis.from_url(first.ready["redis"])
        await clickhouse.execute("INSERT INTO dead_clicks (lane) SELECT 7")
        await redis.set("kept", "yes")
        await clickhouse.close()
        await redis.aclose()
        pids = [one.pid for one in psutil.Process(first.process.pid).children()]
        assert first.stop(signal.SIGINT) == 0
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not (tmp_path / "data" / "running.json").exists()

    with started(tmp_path, *ports) as second:
        clickhouse, redis = ClickHouse(second.ready["clickhouse"]), Redis.from_url(second.ready["redis"])
        assert await clickhouse.value("SELECT count() FROM dead_clicks WHERE lane = 7") == 1
        assert await redis.get("kept") == b"yes"
        await clickhouse.close()
        await redis.aclose()

        for name in ("edge", "control", "clickhouse", "clickhouse_analyst", "redis", "api_key"):
            assert second.ready[name] == first.ready[name]
        children = psutil.Process(second.process.pid).children()
        second.process.kill()
        second.process.wait()
        wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children))

    with started(tmp_path, *ports) as third:
        clickhouse = ClickHouse(third.ready["clickhouse"])
        assert await clickhouse.value("SELECT count() FROM dead_clicks WHERE lane = 7") == 1
        await clickhouse.close()


async def test_the_api_key_of_the_ready_line_may_do_everything_and_given_keys_what_is_theirs(tmp_path):
    acme, main = "0123456789abcdef-1", "0123456789abcdef-2"
    with started(tmp_path, TAPTRAIL_API_KEYS=f"acme:{acme},main:{main}", TAPTRAIL_LOG_LEVEL="warning") as up:
        own, domain = up.ready["api_key"], "/v1/domains/go.acme.example"
        async with ClientSession(up.ready["control"]) as session:

            async def status(method, path, key, body=None):
                headers = {"Authorization": f"Bearer {key}"}
                async with session.request(method, path, headers=headers, json=body) as answer:
                    return answer.status

            assert await status("PUT", domain, acme, {}) == 201
            assert await status("GET", domain, main) == 404
            assert await status("GET", f"{domain}?account=acme", own) == 200
            assert [await status("GET", "/v1/ledger", key) for key in (own, acme, main)] == [200, 403, 403]
            keys = [
                await status("POST", f"/v1/keys?account={account}", own, {"scopes": ["mint"]})
                for account in ("acme", "x/y")
            ]
            assert keys == [201, 201]


def test_a_wrong_variable_stops_up_and_is_named(tmp_path):
    environ = {**os.environ, "TAPTRAIL_CODE_KEY": "short"}
    command = [sys.executable, "-m", "stack.up", "--data", str(tmp_path / "data"), *PORTS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "TAPTRAIL_CODE_KEY" in ended.stderr


async def test_a_code_key_that_made_none_of_the_links_stops_up_and_is_named(tmp_path):
    with started(tmp_path) as up:
        clickhouse = ClickHouse(up.ready["clickhouse"])
        await clickhouse.insert_rows("links", [{"link_id": 0, "code": "madeByOne"}])
        await clickhouse.close()

    said = refusal(tmp_path, *PORTS)

    assert "TAPTRAIL_CODE_KEY=***: it does not open the links" in said
    assert "cannot start" in said
