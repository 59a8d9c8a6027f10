"""What a stranger can make the engine's server hold."""

import asyncio
import contextlib
import socket

import psutil
from aiohttp import web

from runtime.guard.budget import Budget
from runtime.guard.guard import Guard
from runtime.guard.states import HEAD_S, IDLE_S
from runtime.serve import FEW_OPEN
from stack.clickhouse.connections import LIMITS, Connections

PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


def opened(port, first=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(first)
    return connection


def test_more_connections_than_there_may_be_cost_idle_ones_their_place(clickhouse_port):
    idle = [opened(clickhouse_port) for _ in range(FEW_OPEN + 50)]

    with opened(clickhouse_port, PING) as last:
        assert last.recv(4096).startswith(b"HTTP/1.1 200")

    assert idle[0].recv(1) == b""
    for connection in idle:
        connection.close()


def test_heads_without_end_take_no_more_than_the_budget(clickhouse_port, clickhouse_pid):
    process = psutil.Process(clickhouse_pid)
    before = process.memory_info().rss
    start = b"GET /?query=" + b"x" * 1_000_000
    heads = [opened(clickhouse_port) for _ in range(200)]

    for head in heads:
        with contextlib.suppress(OSError):
            head.sendall(start)

    with opened(clickhouse_port, PING) as last:
        assert last.recv(4096).startswith(b"HTTP/1.1 200")
    assert process.memory_info().rss - before < 150_000_000
    for head in heads:
        head.close()


def test_a_head_has_a_hundred_fields_at_most(clickhouse_port):
    many = b"GET /ping HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(101))

    with opened(clickhouse_port, many + b"\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.0 400")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@contextlib.asynccontextmanager
async def served(clock, budget):
    """A port whose application answers /slow when it is told to; (port, guard, event)."""
    go_on = asyncio.Event()

    async def slow(request):
        await go_on.wait()
        return web.Response(text="done")

    guard = Guard(10, clock=clock, budget=budget)
    connections = Connections(guard)
    app = web.Application(middlewares=[connections.watched])
    app.router.add_get("/slow", slow)
    runner = web.AppRunner(app, **LIMITS)
    await runner.setup()
    server = await asyncio.get_running_loop().create_server(lambda: connections.protocol(runner.server), "127.0.0.1", 0)
    watching = asyncio.create_task(guard.watch(lambda: 0))
    yield server.sockets[0].getsockname()[1], go_on
    watching.cancel()
    server.close()
    await runner.cleanup()


async def test_a_head_has_ten_seconds_and_an_answer_as_long_as_it_takes():
    clock, budget = Clock(), Budget()
    async with served(clock, budget) as (port, go_on):
        half, half_writer = await asyncio.open_connection("127.0.0.1", port)
        half_writer.write(b"GET /slow HTTP/1.1\r\nHost: ")
        slow, slow_writer = await asyncio.open_connection("127.0.0.1", port)
        slow_writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.3)
        assert budget.held_bytes == 26  # of the half head

        clock.now += HEAD_S + 1

        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                assert await half.read() == b""
        assert budget.held_bytes == 0
        go_on.set()
        assert (await slow.readline()).startswith(b"HTTP/1.1 200")

        await asyncio.sleep(0.3)
        clock.now += IDLE_S + 1

        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                await slow.read()
        half_writer.close()
        slow_writer.close()
