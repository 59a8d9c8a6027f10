"""The processes a click passes, on a folder of their own; each can be killed and started again."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import psutil
from redis.asyncio import Redis

from accounting.ledger import read_ledger
from aggregator.migrate import migrate
from runtime.clickhouse import ClickHouse
from tests.chaos.checks import Rows, check_books, rows_of
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.edge import CODE_KEY, Edge, cache, cipher, store
from tests.support.eventually import wait_until
from tests.support.processes import OwnValkey, Process, accepts, free_port

LINKS = range(100)
CODES = [cipher.seal(link_id) for link_id in LINKS]


class HeldEdge(Edge):
    """An edge that is stopped before it does anything; its segments are a few clicks long, so that it has many."""

    command = ("-m", "tests.support.edge_process", "--held", "--segment-bytes=2000")

    def started(self) -> None:
        wait_until(lambda: psutil.Process(self.process.pid).status(), equals=psutil.STATUS_STOPPED)

    def let_go(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class System:
    """Valkey, ClickHouse and an aggregator that run, with links in both stores. Edges are for the test to start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.valkey = OwnValkey(folder / "valkey", free_port())
        self.valkey.start()
        self._port = free_port()
        self.clickhouse_url = f"http://{WRITER}@127.0.0.1:{self._port}"
        self.start_clickhouse()
        asyncio.run(self._fill())
        environ = {
            "TAPTRAIL_REDIS_URL": self.valkey.url,
            "TAPTRAIL_CLICKHOUSE_URL": self.clickhouse_url,
            "TAPTRAIL_CODE_KEY": CODE_KEY.hex(),
        }
        self.aggregator = Process(["-m", "aggregator"], free_port(), folder / "aggregator.log", environ)
        wait_until(self.aggregator.ready)

    def start_clickhouse(self) -> None:
        command = clickhouse_command(self.folder / "clickhouse", self._port)
        with (self.folder / "clickhouse.log").open("ab") as out:
            self.clickhouse = subprocess.Popen(
                command, env={**os.environ, **clickhouse_environ()}, stdout=out, stderr=out
            )
        wait_until(lambda: accepts(self._port), within_s=60)

    async def _fill(self) -> None:
        redis, clickhouse = Redis.from_url(self.valkey.url), ClickHouse(self.clickhouse_url)
        await migrate(clickhouse)
        await cache(redis, LINKS)
        await store(clickhouse, LINKS)
        await redis.aclose()
        await clickhouse.close()

    def edge(self) -> Edge:
        return Edge(self.valkey.url, self.clickhouse_url, self.folder)

    def held_edge(self) -> HeldEdge:
        return HeldEdge(self.valkey.url, self.clickhouse_url, self.folder, PYTHONDONTWRITEBYTECODE="1")

    async def at_rest(self, clicks: int, longest_s: float = 60) -> Rows:
        """What the tables hold as soon as there are as many rows and nothing is on its way any more."""
        redis, clickhouse = Redis.from_url(self.valkey.url), ClickHouse(self.clickhouse_url)
        try:
            async with asyncio.timeout(longest_s):
                while True:
                    ledger = await read_ledger(redis, clickhouse)
                    settled = ledger.inserted >= clicks and not ledger.waiting and not ledger.pending
                    if settled and ledger.answered == ledger.inserted:
                        break
                    await asyncio.sleep(0.1)
            await check_books(redis, clickhouse)
            return await rows_of(clickhouse)
        finally:
            await redis.aclose()
            await clickhouse.close()

    def stop(self) -> None:
        self.aggregator.kill()
        self.clickhouse.kill()
        self.clickhouse.wait()
        self.valkey.kill()
