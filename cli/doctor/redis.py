"""Redis as the processes need it: writable, never evicting, telling of changes, with the commands allowed."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, broken, ok, size, warning
from edge.redis_wire import RedisWire
from edge.stream_quota import CLICKS_SHARE
from records.keys import TRACKED_PREFIXES, slug_key

_OLDEST = {"redis_version": 7, "valkey_version": 8}
_KEY = "tt:doctor"
# Every command a process sends, alone or from a script, on a key that nobody reads; only a refusal counts. They are the
# ACLs of docs/users.py as well, which adds those with which a client connects.
COMMANDS = {
    "edge": "HGET KEY f|GET KEY|SET KEY v PX 1|HSET KEY f v|EXPIRE KEY 1|XADD KEY NOMKSTREAM 1-0 f v|XINFO STREAM KEY"
    "|XREVRANGE KEY + - COUNT 1"
    "|INFO memory|DEL KEY|CLIENT TRACKING OFF",
    "aggregator": "EVAL return 0|HGETALL KEY|HKEYS KEY|HMGET KEY f|HGET KEY f|HSET KEY f v|HDEL KEY f|EXISTS KEY"
    "|GET KEY|SET KEY v PX 1|PEXPIRE KEY 1|DEL KEY|XREADGROUP GROUP g c STREAMS KEY 0|XACK KEY g 1-0"
    "|XTRIM KEY MINID 1-0|XLEN KEY|XGROUP CREATE KEY g 0|ZADD KEY 1 m|ZREM KEY m|ZCARD KEY"
    "|ZREMRANGEBYSCORE KEY 0 1|TIME|INFO replication|DEL KEY|MULTI|EXEC",
    "control": "EVAL return 0|GET KEY|SET KEY v PX 1|HSET KEY f v|HGET KEY f|HGETALL KEY|HKEYS KEY|EXPIRE KEY 1"
    "|PEXPIRE KEY 1|XLEN KEY|INFO replication|DEL KEY",
}


async def look_at_redis(given: Given) -> AsyncIterator[Finding]:
    url = given.values.get("redis_url")
    if url is None:
        return
    client = Redis.from_url(
        url, protocol=3, socket_timeout=STEP_S, socket_connect_timeout=STEP_S, retry=Retry(NoBackoff(), 0)
    )
    try:
        info = await client.info("everything")
    except (RedisError, OSError) as error:
        yield _unusable(error)
        return
    try:
        for finding in (_version(info), _role(info), _memory(info), _policy(info), _persistence(info)):
            yield finding
        for process in given.processes:
            yield await _commands(client, process)
        if "edge" in given.processes:
            yield await _tracking(client, url)
    finally:
        with contextlib.suppress(RedisError, OSError):
            await client.aclose()


def _unusable(error: Exception) -> Finding:
    if isinstance(error, AuthenticationError):
        return broken("redis", f"it refuses the user or the password: {error}", "mend TAPTRAIL_REDIS_URL, or the user")
    if isinstance(error, NoPermissionError):
        return broken("redis", f"the user may not ask INFO: {error}", "allow the commands of docs/deploy.md#redis")
    if isinstance(error, BusyLoadingError):
        return broken("redis", "it loads its data and answers nobody", "wait; taps are answered from ClickHouse")
    remedy = "start it, or mend TAPTRAIL_REDIS_URL and the way to it (docs/runbook.md#redis-down)"
    return broken("redis", f"it cannot be reached: {str(error) or type(error).__name__}", remedy)


def _version(info: dict[str, Any]) -> Finding:
    name = "valkey_version" if "valkey_version" in info else "redis_version"
    found = f"reachable, {name.partition('_')[0]} {info[name]}"
    if int(str(info[name]).partition(".")[0]) < _OLDEST[name]:
        return broken("redis", found, "upgrade to Redis 7, Valkey 8 or newer")
    return ok("redis", found)


def _role(info: dict[str, Any]) -> Finding:
    if info["role"] != "master":
        return broken("redis role", "it is a replica, which takes no writes", "name the primary in TAPTRAIL_REDIS_URL")
    return ok("redis role", f"primary, {info['connected_slaves']} replicas")


def _memory(info: dict[str, Any]) -> Finding:
    limit, used = int(info["maxmemory"]), int(info["used_memory"])
    if not limit:
        return warning(
            "redis memory", f"{size(used)} used, no limit", "set maxmemory: without it the host is the limit"
        )
    found = f"{size(used)} of {size(limit)} used"
    if used >= limit:
        return broken("redis memory", f"{found}: it refuses writes", "docs/runbook.md#redis-full")
    if used >= CLICKS_SHARE * limit:
        remedy = "give it more memory: beyond this, clicks wait on the edges' disks (docs/runbook.md#redis-full)"
        return warning("redis memory", found, remedy)
    return ok("redis memory", found)


def _policy(info: dict[str, Any]) -> Finding:
    policy = info["maxmemory_policy"]
    if policy != "noeviction":
        return broken(
            "redis eviction", f"maxmemory-policy is {policy}", "set maxmemory-policy noeviction: clicks are in it"
        )
    return ok("redis eviction", "maxmemory-policy is noeviction")


def _persistence(info: dict[str, Any]) -> Finding:
    if not int(info["aof_enabled"]):
        remedy = "set appendonly yes: nothing is lost without it, and after a restart all is sent and read again"
        return warning("redis persistence", "the append-only file is off", remedy)
    if info["aof_last_write_status"] != "ok":
        return broken("redis persistence", "the append-only file cannot be written", "free its disk")
    return ok("redis persistence", "the append-only file is on and written")


async def _commands(client: Redis, process: str) -> Finding:
    check, refused = f"redis commands, {process}", []
    key = f"{_KEY}:{secrets.token_hex(8)}"
    for command in COMMANDS[process].split("|"):
        try:
            await client.execute_command(*_parts(command, key))  # type: ignore[no-untyped-call]
        except NoPermissionError:
            refused.append(command.split(" ")[0])
        except (ReadOnlyError, OutOfMemoryError) as error:
            return broken(check, f"writes are refused: {error}", "docs/runbook.md#redis-full, #redis-failover")
        except ResponseError:
            continue  # the key is not of this command's type, or not there: the command is allowed
    if refused:
        return broken(check, f"the user may not {', '.join(refused)}", "allow them on ~tt:* (docs/deploy.md#redis)")
    return ok(check, "all are allowed")


def _parts(command: str, key: str) -> list[str]:
    if command.startswith("EVAL"):
        return ["EVAL", "return 0", "0"]
    return [key if part == "KEY" else part for part in command.split(" ")]


async def _tracking(client: Redis, url: str) -> Finding:
    """Whether a change reaches an edge's memory: the edge's own connection, and a key as of a slug that nobody has."""
    check, heard = "redis tracking", asyncio.Event()
    remedy = "connect to Redis itself, or through a proxy that passes RESP3 pushes; allow CLIENT TRACKING"
    wire = RedisWire(url, tracked=TRACKED_PREFIXES)
    wire.on_invalidated = lambda keys: heard.set()
    connecting = asyncio.create_task(wire.keep_connected())
    try:
        await wire.wait_connected(STEP_S)
        if not wire.connected:
            return broken(check, "the connection of an edge is refused (HELLO 3, CLIENT TRACKING ... BCAST)", remedy)
        await client.set(slug_key(_KEY, secrets.token_hex(8)), 0, px=1)
        async with asyncio.timeout(STEP_S):
            await heard.wait()
    except TimeoutError:
        return broken(check, "edges are not told of changes: those take effect after 30 s", remedy)
    except RedisError as error:
        return broken(check, f"a key could not be written: {error}", remedy)
    finally:
        connecting.cancel()
    return ok(check, "edges hear of changes (RESP3, CLIENT TRACKING)")
