"""An edge that starts: whom it makes wait, and what it says when it cannot."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from edge.settings import Settings
from runtime.environment import SettingsError, settings_from
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.edge import HOST, Edge, cache, cipher, destination, store
from tests.support.eventually import eventually, wait_until
from tests.support.processes import accepts, free_port, silent

OTHER_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.mark.parametrize("folder", ["/proc/spool", "/etc/passwd/spool", "/sys"])
@pytest.mark.servers
def test_a_spool_that_cannot_be_written_names_its_variable(folder):
    environ = {
        **os.environ, "TAPTRAIL_SPOOL_DIR": folder, "TAPTRAIL_CODE_KEY": "0f" * 16, "TAPTRAIL_PORT": str(free_port()),
        "TAPTRAIL_OPS_PORT": str(free_port()), "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1",
        "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1:1",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "edge"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert f"TAPTRAIL_SPOOL_DIR={folder}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_header_that_no_proxy_writes_is_refused():
    environ = {
        "TAPTRAIL_CODE_KEY": "0f" * 16, "TAPTRAIL_REDIS_URL": "redis://127.0.0.1", "TAPTRAIL_SPOOL_DIR": "/x",
        "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1", "TAPTRAIL_FORWARDED_HEADER": "x-real-ip",
    }  # fmt: skip

    with pytest.raises(SettingsError) as refused:
        settings_from(environ, Settings)

    assert str(refused.value) == "TAPTRAIL_FORWARDED_HEADER=x-real-ip: expected x-forwarded-for or forwarded"


@pytest.mark.servers
def test_an_edge_does_not_import_what_only_other_processes_need():
    asked = "import sys, edge.__main__; print([name for name in ('redis', 'pyarrow', 'jinja2') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


async def test_a_tap_that_comes_before_redis_is_connected_waits_for_it_with_clickhouse_away(
    redis, valkey_url, tmp_path
):
    await cache(redis)
    async with BlackholeProxy(valkey_url).running() as path:
        path.silence()
        edge = EarlyEdge(path.url, "http://x:y@127.0.0.1:1", tmp_path, TAPTRAIL_DRAIN_S="0.2")
        try:
            await eventually(lambda: accepts(edge.port))
            with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as tap:
                tap.sendall(f"GET /{cipher.seal(5)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                await eventually(lambda: path.connections)
                await asyncio.sleep(0.1)  # time is what is tested: an edge that does not wait answers meanwhile
                path.free()

                answer = await asyncio.to_thread(tap.recv, 65536)

            assert b"location: " + destination(5).encode() in answer
        finally:
            edge.kill()


class EarlyEdge(Edge):
    """One that is tapped before it is ready."""

    def started(self):
        return


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TAPTRAIL_OPS_PORT", "taken", "Address already in use; expected a port that is free"),
        ("TAPTRAIL_PORT", "taken", "Address already in use; expected a port that is free"),
        ("TAPTRAIL_LISTEN_FD", "97", "expected the number of a listening socket"),
        ("TAPTRAIL_DRAIN_S", "inf", "expected seconds, 0 or more"),
        ("TAPTRAIL_DRAIN_S", "nan", "expected seconds, 0 or more"),
    ],
)
@pytest.mark.servers
def test_a_variable_that_cannot_be_is_named_with_what_was_expected(tmp_path, variable, value, expected):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        value = str(other.getsockname()[1]) if value == "taken" else value
        environ = {
            **os.environ, "TAPTRAIL_SPOOL_DIR": str(tmp_path), "TAPTRAIL_CODE_KEY": "0f" * 16,
            "TAPTRAIL_PORT": str(free_port()), "TAPTRAIL_OPS_PORT": str(free_port()),
            "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1", "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1:1",
            variable: value,
        }  # fmt: skip
        command = [sys.executable, "-m", "edge"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"{variable}={value}: ")
    assert expected in done.stderr


async def test_a_code_key_that_does_not_open_the_links_there_are_stops_it(clickhouse, clickhouse_url, tmp_path):
    await store(clickhouse)
    environ = {
        **os.environ, "TAPTRAIL_SPOOL_DIR": str(tmp_path), "TAPTRAIL_CODE_KEY": OTHER_KEY,
        "TAPTRAIL_PORT": str(free_port()), "TAPTRAIL_OPS_PORT": str(free_port()),
        "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1", "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
    }  # fmt: skip

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "edge"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("TAPTRAIL_CODE_KEY=***: it does not open the links in ClickHouse")
    assert OTHER_KEY not in done.stderr


async def test_a_silent_clickhouse_keeps_no_edge_from_starting_and_the_key_is_checked_later(
    redis, clickhouse, clickhouse_pid, edges
):
    await store(clickhouse)
    with silent(clickhouse_pid):
        edge = edges(TAPTRAIL_CODE_KEY=OTHER_KEY)

    wait_until(lambda: edge.process.poll() is not None)
    assert edge.process.poll() == 2
    assert edge.log.read_text().splitlines()[-1].startswith("TAPTRAIL_CODE_KEY=***")
