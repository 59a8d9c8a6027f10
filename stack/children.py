"""The processes of the whole system on one machine, and how each says that it is ready."""

import functools
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stack.credentials import Credentials, control_keys
from stack.ports import HOST
from stack.supervisor import Child
from stack.valkey import valkey_command

WRITER_NAME, ANALYST_NAME = "taptrail", "analyst"


class Places(msgspec.Struct, frozen=True):
    """Where everything of one run is."""

    data: Path
    host: str  # where edge and control listen; all else on 127.0.0.1
    edge: int
    control: int
    clickhouse: int
    redis: int
    edge_ops: list[int]  # one port for each edge worker
    aggregator_ops: int
    control_ops: int

    def redis_url(self, password: str) -> str:
        return f"redis://:{password}@{HOST}:{self.redis}/0"

    def clickhouse_url(self, name: str, password: str) -> str:
        return f"http://{name}:{password}@{HOST}:{self.clickhouse}"


def clickhouse(places: Places, credentials: Credentials) -> Child:
    command = [sys.executable, "-m", "stack.clickhouse", "--data", str(places.data / "clickhouse")]
    return Child(
        "clickhouse",
        [*command, "--port", str(places.clickhouse)],
        {
            **os.environ,
            "TAPTRAIL_CLICKHOUSE_WRITER": f"{WRITER_NAME}:{credentials.writer_password}",
            "TAPTRAIL_CLICKHOUSE_ANALYST": f"{ANALYST_NAME}:{credentials.analyst_password}",
        },
        functools.partial(answers, f"http://{HOST}:{places.clickhouse}/ping"),
        grace_s=40,
    )


def valkey(places: Places, credentials: Credentials) -> Child:
    password = credentials.redis_password
    command = valkey_command(places.data / "valkey", places.redis, password=password)
    return Child("redis", command, os.environ, functools.partial(pongs, places.redis_url(password)))


def edge(places: Places, credentials: Credentials, worker: int, listener: socket.socket) -> Child:
    """Takes taps from a socket that outlives it: what waits there when it ends is for the others, or for the next."""
    ops_port = places.edge_ops[worker]
    environ = _environ(places, credentials, ops_port) | {"TAPTRAIL_LISTEN_FD": str(listener.fileno())}
    command = [sys.executable, "-m", "edge"]
    return Child("edge", command, environ, _ready(ops_port), grace_s=30, descriptors=[listener.fileno()])


def aggregator(places: Places, credentials: Credentials) -> Child:
    environ = _environ(places, credentials, places.aggregator_ops)
    command = [sys.executable, "-m", "aggregator"]
    return Child("aggregator", command, environ, _ready(places.aggregator_ops), grace_s=70)


def control(places: Places, credentials: Credentials) -> Child:
    environ = _environ(places, credentials, places.control_ops) | control_keys(os.environ, credentials)
    environ |= {"TAPTRAIL_HOST": places.host, "TAPTRAIL_PORT": str(places.control)}
    environ["TAPTRAIL_EDGE_URL"] = f"http://{HOST}:{places.edge}"
    return Child("control", [sys.executable, "-m", "control"], environ, _ready(places.control_ops), grace_s=35)


def _environ(places: Places, credentials: Credentials, ops_port: int) -> dict[str, str]:
    """TAPTRAIL_* of this process's environment win over defaults, not over where this run puts things."""
    defaults = {"TAPTRAIL_CODE_KEY": credentials.code_key, "TAPTRAIL_SPOOL_DIR": str(places.data / "spool")}
    given = {name: text for name, text in os.environ.items() if text or not name.startswith("TAPTRAIL_")}
    redis_url = places.redis_url(credentials.redis_password)
    return {
        **defaults,
        **given,
        "TAPTRAIL_OPS_HOST": HOST,
        "TAPTRAIL_OPS_PORT": str(ops_port),
        "TAPTRAIL_REDIS_URL": redis_url,
        "TAPTRAIL_CLICKS_REDIS_URL": redis_url,
        "TAPTRAIL_CLICKHOUSE_URL": places.clickhouse_url(WRITER_NAME, credentials.writer_password),
    }


def ignored(environ: Mapping[str, str]) -> list[str]:
    """The variables that say where things are: in an embedded system the options of `up` do."""
    names = (
        "HOST", "PORT", "LISTEN_FD", "OPS_HOST", "OPS_PORT", "REDIS_URL", "CLICKS_REDIS_URL", "CLICKHOUSE_URL",
        "EDGE_URL",
    )  # fmt: skip
    return [f"TAPTRAIL_{name}" for name in names if environ.get(f"TAPTRAIL_{name}")]


def _ready(ops_port: int) -> Callable[[], Awaitable[bool]]:
    return functools.partial(answers, f"http://{HOST}:{ops_port}/readyz")


async def answers(url: str) -> bool:
    """Whether GET gives a 200."""
    timeout = aiohttp.ClientTimeout(total=2)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def pongs(url: str) -> bool:
    """Whether Valkey answers; while it loads its data it does not."""
    redis = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False
    finally:
        await redis.aclose()
