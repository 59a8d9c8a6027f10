"""Edges that end, in order or killed, while taps come in: what only waits for an edge is served by another."""

import asyncio
import json
import signal
import socket
from urllib.parse import urlsplit

import psutil
import pytest

from runtime.clickhouse import ClickHouse
from tests.chaos.chaos import arrived
from tests.chaos.checks import check_each_click_once
from tests.chaos.taps import Taps
from tests.support.eventually import eventually
from tests.support.stack import Stack

EACH = 2_500  # taps of one load
QUEUED = 400


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack"), "--edge-workers", "2")
    yield stack
    stack.stop()


def port_of(stack):
    return urlsplit(stack.ready["edge"]).port


def edges_of(stack):
    running = json.loads((stack.folder / "data" / "running.json").read_text())
    return [psutil.Process(pid) for pid in running["pids"]["edge"]]


async def restarts(stack, count):
    def seen():
        return sum(line["name"] == "edge" for line in stack.lines)

    await eventually(seen, lambda seen: seen >= count, within_s=60)


@pytest.mark.timeout(240)
async def test_a_rolling_restart_of_the_edges_refuses_nobody_and_loses_no_click(stack):
    loads = []
    for per_connection in (1, 40):
        codes = await asyncio.to_thread(stack.mint, EACH, broadcast=f"each-{per_connection}")
        loads.append(Taps(port_of(stack), codes, 250, per_connection=per_connection))
    tapping = asyncio.gather(*(load.run() for load in loads))

    for number, one in enumerate(edges_of(stack), 1):
        one.terminate()
        await restarts(stack, number)
    assert not tapping.done(), "the restarts were to happen under load"

    for tally in await tapping:
        assert (tally.refused, tally.shed, tally.wrong, tally.doubtful) == (0, 0, {}, set())
    status, ledger = await arrived(stack)
    assert (status, ledger["answered"]) == (0, 2 * EACH)
    clickhouse = ClickHouse(stack.ready["clickhouse"])
    await check_each_click_once(clickhouse, 2 * EACH)
    await clickhouse.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
async def test_taps_that_only_wait_for_an_edge_are_not_lost_with_it(stack, number):
    codes = await asyncio.to_thread(stack.mint, QUEUED, broadcast=number.name)
    ending, other = edges_of(stack)
    before = len(stack.lines)

    ending.suspend()
    other.suspend()
    phones = []
    for code in codes:
        phones.append(socket.create_connection(("127.0.0.1", port_of(stack)), timeout=30))
        request = f"GET /{code} HTTP/1.1\r\nHost: go.acme.example\r\nConnection: close\r\n\r\n"
        phones[-1].sendall(request.encode())
    ending.send_signal(number)
    ending.resume()
    if number == signal.SIGKILL:
        ending.wait(20)
    other.resume()

    for place, phone in enumerate(phones):
        answer = (await asyncio.to_thread(phone.makefile("rb").read)).decode()
        assert f"location: https://acme.example/l?c=c-{place}\r\n" in answer
    await restarts(stack, before + 1)
