"""A second Valkey that takes the place of the first, lacking what was written last."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from stack.valkey import valkey_command
from tests.support.eventually import eventually, wait_until
from tests.support.processes import OwnValkey, accepts, free_port


def started(valkey: OwnValkey, *options: str) -> None:
    command = [*valkey_command(valkey.data, valkey.port), *options]
    valkey.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: accepts(valkey.port))


async def name_leads_to(promoted: Redis, valkey: OwnValkey, former: Redis) -> None:
    """The first one becomes a replica of the promoted one, under another name; connections to it stay."""
    await former.config_set("port", free_port())
    await promoted.config_set("port", valkey.port)
    await former.replicaof("127.0.0.1", str(valkey.port))


@asynccontextmanager
async def replica_of(valkey: OwnValkey, client: Redis, folder: Path) -> AsyncIterator[Redis]:
    """A replica in step with what is there now, promoted: it hears of nothing later."""
    replica = OwnValkey(folder / "replica", free_port())
    started(replica, "--replicaof", f"127.0.0.1 {valkey.port}")
    of_replica = Redis.from_url(replica.url)
    try:
        await eventually(lambda: of_replica.info("replication"), lambda said: said.get("master_link_status") == "up")
        await client.wait(1, 10_000)
        await of_replica.replicaof("NO", "ONE")
        yield of_replica
    finally:
        await of_replica.aclose()
        replica.kill()
