"""A ClickHouse of a run's own, killed and started again on the same data."""

import os
import subprocess
from pathlib import Path

from runtime.clickhouse import ClickHouse
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.eventually import wait_until
from tests.support.processes import accepts, ends_with_us, free_port


class Engine:
    """`clickhouse` is a client of it, another one after each kill."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.url = f"http://{WRITER}@127.0.0.1:{self._port}"
        self.clickhouse = ClickHouse(self.url)

    def start(self) -> None:
        command = clickhouse_command(self._folder / "clickhouse", self._port)
        with (self._folder / "clickhouse.log").open("ab") as out:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **clickhouse_environ()},
                stdout=out,
                stderr=out,
                preexec_fn=ends_with_us(),  # noqa: PLW1509
            )
        wait_until(lambda: accepts(self._port), within_s=60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def start_again(self) -> None:
        """After a kill."""
        await self.clickhouse.close()  # its connections are those of the one that was killed
        self.clickhouse = ClickHouse(self.url)
        self.start()

    async def end(self) -> None:
        await self.clickhouse.close()
        self.kill()
