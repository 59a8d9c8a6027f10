"""`taptrail up` as a user starts it, and a way to tap many links through real sockets."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil

from tests.support.eventually import wait_until
from tests.support.processes import ends_with_us

PORTS = [part for name in ("edge", "control", "clickhouse", "redis", "ops") for part in (f"--{name}-port", "0")]


class Stack:
    """A running `taptrail up`; `ready` is its ready line, `lines` what it has printed since."""

    program: Sequence[str] = ("cli",)  # a module, and arguments before `up`

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        with (folder / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.program, "up", "--data", str(folder / "data"), *PORTS, *options],
                env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=log, text=True,
                preexec_fn=ends_with_us(),  # noqa: PLW1509
            )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, (folder / "up.log").read_text()
        self.ready = json.loads(line)
        self.lines: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def pid(self, name: str) -> int:
        """Of the process that bears the name now."""
        restarted = [line["pid"] for line in self.lines if line["name"] == name]
        return restarted[-1] if restarted else self.ready["pids"][name]

    def kill(self, name: str) -> None:
        """SIGKILL, as soon as the process is there (again)."""
        wait_until(lambda: psutil.pid_exists(self.pid(name)))
        os.kill(self.pid(name), signal.SIGKILL)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """One `taptrail` command against this stack."""
        environ = {
            **os.environ,
            "TAPTRAIL_CONTROL_URL": self.ready["control"],
            "TAPTRAIL_API_KEY": self.ready["api_key"],
            "TAPTRAIL_CLICKHOUSE_ANALYST_URL": self.ready["clickhouse_analyst"],
        }
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    def succeed(self, *arguments: str) -> str:
        """What a command that has to succeed writes."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def sql(self, query: str) -> list[list]:
        lines = self.succeed(
            "sql", f"{query} FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0"
        )
        return [[int(value) for value in json.loads(line)] for line in lines.splitlines()]

    def mint(self, contacts: int, domain: str = "go.acme.example", broadcast: str = "spring") -> list[str]:
        """Codes of new personal links, in the order of their contacts."""
        given, out = self.folder / f"{broadcast}.csv", self.folder / f"{broadcast}.out.csv"
        given.write_text("contact_id,audience\n" + "".join(f"c-{number},a{number % 3}\n" for number in range(contacts)))
        to = "https://acme.example/l?c={contact_id}"
        self.succeed(
            "mint",
            "--domain",
            domain,
            "--broadcast",
            broadcast,
            "--to",
            to,
            "--contacts",
            str(given),
            "--out",
            str(out),
        )
        return [line.split(",")[3] for line in out.read_text().splitlines()[1:]]

    def wait_for_rows(self, count: int, longest_s: float = 60) -> None:
        rows = wait_until(self.rows, lambda rows: rows >= count, within_s=longest_s)
        assert rows == count, f"{rows} rows of {count} taps"

    def rows(self) -> int:
        try:
            return self.sql("SELECT count() FROM clicks")[0][0]
        except AssertionError:  # ClickHouse is down at the moment
            return -1

    def identities(self) -> tuple[int, int, int]:
        """(rows, distinct (lane, seq), distinct links)."""
        return tuple(self.sql("SELECT count(), uniqExact(lane, seq), uniqExact(link_id) FROM clicks")[0])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


async def tap_all(edge: str, codes: list[str], *, at_once: int = 32, host: str = "go.acme.example", each=None) -> list:
    """Tap every code once; gives what was wrong: (code, status or error). `each` is called with the number done.

    A tap whose answer never came is tapped again only if the connection was refused: else it may count.
    """
    wrong: list = []
    queue = list(enumerate(codes))[::-1]
    address = urlsplit(edge)

    async def tapper(session: aiohttp.ClientSession) -> None:
        while queue:
            place, code = queue.pop()
            url = f"http://127.0.0.1:{address.port}/{code}"
            async with session.get(url, headers={"Host": host}, allow_redirects=False) as answer:
                if answer.headers.get("Location") != f"https://acme.example/l?c=c-{place}":
                    wrong.append((code, answer.status, answer.headers.get("Location")))
            if each is not None:
                each(len(codes) - len(queue))

    agent = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"
    )
    async with aiohttp.ClientSession(headers={"User-Agent": agent}) as session:
        await asyncio.gather(*(tapper(session) for _ in range(at_once)))
    return wrong
