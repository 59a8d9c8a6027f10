"""The commands that each process sends to a Redis of links and to one of clicks, and whether they are allowed."""

import secrets
from collections.abc import Collection

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from cli.doctor.finding import Finding, broken, ok

KEY = "tt:doctor"
# Every command a process sends, alone or from a script, on a key that nobody reads; only a refusal counts. They are the
# ACLs of docs/users.py as well, which adds those with which a client connects.
COMMANDS = {
    "edge": {
        "links": "MGET KEY|GET KEY|HGET KEY f|EVAL return 0|SET KEY v PX 1|CLIENT TRACKING OFF",
        "clicks": "HGET KEY f|HSET KEY f v|DEL KEY|XADD KEY NOMKSTREAM 1-0 f v|XINFO STREAM KEY"
        "|XREVRANGE KEY + - COUNT 1|INFO memory",
    },
    "aggregator": {
        "clicks": "EVAL return 0|HGETALL KEY|HKEYS KEY|HMGET KEY f|HGET KEY f|HSET KEY f v|HDEL KEY f|EXISTS KEY"
        "|GET KEY|SET KEY v PX 1|PEXPIRE KEY 1|DEL KEY|XREADGROUP GROUP g c STREAMS KEY 0|XACK KEY g 1-0"
        "|XTRIM KEY MINID 1-0|XLEN KEY|XPENDING KEY g|XGROUP CREATE KEY g 0|ZADD KEY 1 m|ZREM KEY m|ZCARD KEY"
        "|ZREMRANGEBYSCORE KEY 0 1|TIME|INFO replication|DEL KEY|MULTI|EXEC|BGREWRITEAOF",
    },
    "control": {
        "links": "EVAL return 0|GET KEY|SET KEY v PX 1|HSET KEY f v|HGETALL KEY|HDEL KEY f|EXPIRE KEY 1|PEXPIRE KEY 1"
        "|DEL KEY|INFO replication|BGREWRITEAOF",
        "clicks": "HSET KEY f v|HGET KEY f|HGETALL KEY|HKEYS KEY|XLEN KEY|DEL KEY",
    },
}


def sent_by(process: str, purposes: Collection[str]) -> list[str]:
    """What a process sends to a Redis that is for these purposes."""
    texts = [text for purpose, text in COMMANDS[process].items() if purpose in purposes]
    return list(dict.fromkeys(command for text in texts for command in text.split("|")))


async def look_at_commands(client: Redis, process: str, sent: list[str]) -> Finding:
    check, refused = f"commands, {process}", []
    key = f"{KEY}:{secrets.token_hex(8)}"
    for command in sent:
        try:
            await client.execute_command(*_parts(command, key))  # type: ignore[no-untyped-call]
        except NoPermissionError:
            refused.append(command.split(" ")[0])
        except (ReadOnlyError, OutOfMemoryError) as error:
            return broken(check, f"writes are refused: {error}", "docs/runbook.md#redis-full, #redis-failover")
        except ResponseError as error:
            if str(error).startswith("MISCONF"):  # its disk is full, or a snapshot failed: no write is taken
                return broken(check, f"writes are refused: {error}", "free its disk, then see its log")
            continue  # the key is not of this command's type, or not there: the command is allowed
    if refused:
        return broken(check, f"the user may not {', '.join(refused)}", "allow them on ~tt:* (docs/deploy.md#redis)")
    return ok(check, "all are allowed")


def _parts(command: str, key: str) -> list[str]:
    if command.startswith("EVAL"):
        return ["EVAL", "return 0", "0"]
    return [key if part == "KEY" else part for part in command.split(" ")]
