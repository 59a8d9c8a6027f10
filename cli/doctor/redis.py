"""Redis as the processes need it: writable, never evicting, telling of changes, with the commands allowed."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
)

from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, broken, ok, size, warning
from cli.doctor.redis_commands import KEY, look_at_commands, sent_by
from edge.redis_connection import NoListener
from edge.redis_wire import RedisWire
from edge.stream_quota import CLICKS_SHARE
from records.keys import TRACKED_PREFIXES, slug_key
from runtime.redis_client import redis_client

_OLDEST = {"redis_version": 7, "valkey_version": 8}


class GivenRedis(msgspec.Struct, frozen=True):
    """One Redis of this environment, and what it is for: links, clicks, or both."""

    url: str
    purposes: Collection[str]

    @property
    def variable(self) -> str:
        return "TAPTRAIL_REDIS_URL" if "links" in self.purposes else "TAPTRAIL_CLICKS_REDIS_URL"

    @property
    def name(self) -> str:
        """How the findings call it."""
        return "redis" if "links" in self.purposes else "clicks redis"


def each_redis(given: Given) -> list[GivenRedis]:
    links, clicks = given.values.get("redis_url"), given.values.get("clicks_redis_url")
    if links == clicks or not given.text("CLICKS_REDIS_URL"):
        url = links or clicks
        return [GivenRedis(url, ("links", "clicks"))] if url else []
    return [GivenRedis(url, (purpose,)) for url, purpose in ((links, "links"), (clicks, "clicks")) if url]


async def look_at_redis(redis: GivenRedis, processes: Collection[str]) -> AsyncIterator[Finding]:
    async for finding in _findings(redis, processes):
        yield msgspec.structs.replace(finding, check=f"{redis.name} {finding.check}".strip())


async def _findings(redis: GivenRedis, processes: Collection[str]) -> AsyncIterator[Finding]:
    client = redis_client(redis.url, timeout_s=STEP_S, connect_timeout_s=STEP_S)
    try:
        info = await client.info("everything")
    except (RedisError, OSError) as error:
        yield _unusable(error, redis.variable)
        return
    try:
        yield _version(info)
        yield _role(info, redis.variable)
        yield _memory(info, has_clicks="clicks" in redis.purposes)
        yield _policy(info)
        yield _persistence(info)
        for process in processes:
            if sent := sent_by(process, redis.purposes):
                yield await look_at_commands(client, process, sent)
        if "edge" in processes and "links" in redis.purposes:
            yield await _tracking(client, redis.url)
    finally:
        with contextlib.suppress(RedisError, OSError):
            await client.aclose()


def _unusable(error: Exception, variable: str) -> Finding:
    if isinstance(error, AuthenticationError):
        return broken("", f"it refuses the user or the password: {error}", f"correct {variable}, or the user")
    if isinstance(error, NoPermissionError):
        return broken("", f"the user may not ask INFO: {error}", "allow the commands of docs/deploy.md#redis")
    if isinstance(error, BusyLoadingError):
        return broken("", "it loads its data and answers nobody", "wait; taps are answered from ClickHouse")
    remedy = f"start it, or correct {variable} and the way to it (docs/runbook.md#redis-down)"
    return broken("", f"it cannot be reached: {str(error) or type(error).__name__}", remedy)


def _version(info: dict[str, Any]) -> Finding:
    name = "valkey_version" if "valkey_version" in info else "redis_version"
    found = f"reachable, {name.partition('_')[0]} {info[name]}"
    if int(str(info[name]).partition(".")[0]) < _OLDEST[name]:
        return broken("", found, "upgrade to Redis 7, Valkey 8 or newer")
    return ok("", found)


def _role(info: dict[str, Any], variable: str) -> Finding:
    if info["role"] != "master":
        return broken("role", "it is a replica, which takes no writes", f"name the primary in {variable}")
    return ok("role", f"primary, {info['connected_slaves']} replicas")


def _memory(info: dict[str, Any], *, has_clicks: bool) -> Finding:
    limit, used = int(info["maxmemory"]), int(info["used_memory"])
    if not limit:
        return warning("memory", f"{size(used)} used, no limit", "set maxmemory: without it the host is the limit")
    found = f"{size(used)} of {size(limit)} used"
    if used >= limit:
        return broken("memory", f"{found}: it refuses writes", "docs/runbook.md#redis-full")
    if has_clicks and used >= CLICKS_SHARE * limit:
        remedy = "give it more memory: beyond this, clicks wait on the edges' disks (docs/runbook.md#redis-full)"
        return warning("memory", found, remedy)
    return ok("memory", found)


def _policy(info: dict[str, Any]) -> Finding:
    policy = info["maxmemory_policy"]
    if policy != "noeviction":
        return broken(
            "eviction",
            f"maxmemory-policy is {policy}",
            "set maxmemory-policy noeviction: nothing may go unseen",
        )
    return ok("eviction", "maxmemory-policy is noeviction")


def _persistence(info: dict[str, Any]) -> Finding:
    if not int(info["aof_enabled"]):
        remedy = "set appendonly yes: nothing is lost without it, and after a restart all is sent and read again"
        return warning("persistence", "the append-only file is off", remedy)
    if info["aof_last_write_status"] != "ok":
        return broken("persistence", "the append-only file cannot be written", "free its disk")
    if info["rdb_last_bgsave_status"] != "ok" or info["aof_last_bgrewrite_status"] != "ok":
        remedy = "see its log: its disk is full, or a fork lacks memory; soon it refuses writes"
        return warning("persistence", "the last rewrite or snapshot failed", remedy)
    return ok("persistence", "the append-only file is on and written")


class _Changes(NoListener):
    """Notes the first one."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def changed(self, keys: list[str]) -> None:
        self.heard.set()


async def _tracking(client: Redis, url: str) -> Finding:
    """Whether a change reaches an edge's memory: the edge's own connection, and a key as of a slug that nobody has."""
    check, changes = "tracking", _Changes()
    remedy = "connect to Redis itself, or through a proxy that passes RESP3 pushes; allow CLIENT TRACKING"
    wire = RedisWire(url, tracked=TRACKED_PREFIXES, listener=changes)
    connecting = asyncio.create_task(wire.keep_connected())
    try:
        await wire.wait_connected(STEP_S)
        if not wire.connected:
            return broken(check, "the connection of an edge is refused (HELLO 3, CLIENT TRACKING ... BCAST)", remedy)
        await client.set(slug_key(KEY, secrets.token_hex(8)), 0, px=1)
        async with asyncio.timeout(STEP_S):
            await changes.heard.wait()
    except TimeoutError:
        return broken(check, "Redis does not report changes to edges: they take effect after 30 s", remedy)
    except RedisError as error:
        return broken(check, f"a key could not be written: {error}", remedy)
    finally:
        connecting.cancel()
    return ok(check, "edges hear of changes (RESP3, CLIENT TRACKING)")
