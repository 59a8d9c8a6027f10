"""An edge process as it runs in production, and a way to send it bytes."""

import asyncio
import http.client
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from records.broadcast import Broadcast, encode_broadcast
from records.code import CodeCipher
from records.domain import Domain, encode_domain
from records.keys import ALLOCATED, broadcast_key, domain_key, slug_key
from records.link import Link
from records.link_writes import link_writes
from tests.support.eventually import wait_until
from tests.support.processes import Process, accepts, free_port

CODE_KEY = bytes(range(16))
cipher = CodeCipher(CODE_KEY)
HOST = "go.acme.example"
DOMAIN = Domain(HOST, "main", "Acme & Sons", version=1)
TEMPLATE = "https://acme.example/l?c={contact_id}"
BROADCAST = Broadcast(1, "main", "spring", HOST, (TEMPLATE,), audiences=("", "vip"), version=1)


class Edge(Process):
    """One edge process."""

    command = ("-m", "edge")

    def __init__(self, redis_url: str, clickhouse_url: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        environ = {
            "TAPTRAIL_REDIS_URL": redis_url,
            "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "TAPTRAIL_CODE_KEY": CODE_KEY.hex(),
            "TAPTRAIL_SPOOL_DIR": str(folder / "spool"),
            "TAPTRAIL_PORT": str(self.port),
            **settings,
        }
        super().__init__(list(self.command), free_port(), folder / "edge.log", environ)
        self.started()

    def started(self) -> None:
        wait_until(self.ready)

    def get(self, path: str, host: str = HOST, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        """One request on a connection of its own; the body is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": host, **named})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def tap(self, link_id: int) -> str | int:
        """Where a tap on this link leads, or the status where it leads nowhere."""
        answer = self.get("/" + cipher.seal(link_id))
        return answer.headers["Location"] if answer.status == 302 else answer.status

    def send(self, data: bytes, *, until: bytes = b"\r\n\r\n") -> bytes:
        """Raw bytes; what came back up to `until` or the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            got = b""
            while until not in got and (more := connection.recv(65536)):
                got += more
            return got


class EdgeWithoutFastPath(Edge):
    """Starlette alone, on uvicorn; edge/fast/ might as well not be there."""

    command = (
        "-c",
        "import runpy, sys; sys.modules['edge.fast'] = None; runpy.run_module('edge', run_name='__main__')",
    )

    def __init__(self, redis_url: str, clickhouse_url: str, folder: Path, **settings: str) -> None:
        super().__init__(redis_url, clickhouse_url, folder, TAPTRAIL_FAST_PATH="off", **settings)


class EdgeOnGranian(Edge):
    """The application alone, on another server; it has no ops port and none of the settings."""

    command = ("-m", "tests.support.edge_on_granian")

    def started(self) -> None:
        wait_until(lambda: accepts(self.port))


WAYS: dict[str, type[Edge]] = {"fast": Edge, "asgi": EdgeWithoutFastPath, "granian": EdgeOnGranian}


def has_read_all(connection: socket.socket) -> bool:
    """Whether the process at the other end, on this machine, has read all that was sent (Linux)."""
    here, there = (f"0100007F:{port:04X}" for port in (connection.getsockname()[1], connection.getpeername()[1]))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    (queues,) = [row[4] for row in rows if row[1:3] == [there, here]]
    return queues.partition(":")[2] == "00000000"


def destination(link_id: int) -> str:
    return f"https://acme.example/l?c=c-{link_id}"


async def cache(redis, links=range(20), broadcast=BROADCAST, domain=DOMAIN):
    """Put a domain, a broadcast and personal links into Redis, as control does."""
    await redis.set(domain_key(domain.short_domain), encode_domain(domain))
    await redis.set(broadcast_key(broadcast.broadcast_no), encode_broadcast(broadcast))
    records = [Link(broadcast.broadcast_no, 0, 1, f"c-{link_id}") for link_id in links]
    for write in link_writes(links, records, 86_400):
        await redis.execute_command(*write)
    await redis.set(ALLOCATED, max(links) + 1)


def fill(redis_url):
    """Put the same there, for tests that are not asynchronous."""

    async def cached():
        async with Redis.from_url(redis_url) as redis:
            await cache(redis)

    asyncio.run(cached())


@contextmanager
def standing_edge(way, stores, folder, **settings):
    """One edge that knows of links 0 to 19, for a whole module of tests that change nothing. stores: both URLs."""
    fill(stores[0])
    edge = WAYS[way](*stores, folder, **settings)
    yield edge
    edge.kill()


async def cache_slug(redis, slug, link_id):
    await redis.set(slug_key(HOST, slug), link_id)


async def store(clickhouse, links=range(20), broadcast=BROADCAST, domain=DOMAIN):
    """Put the same into ClickHouse, the store of record."""
    await clickhouse.insert_rows("domains", [domain])
    await clickhouse.insert_rows("broadcasts", [broadcast])
    rows = [
        {
            "link_id": link_id, "account": "main", "code": cipher.seal(link_id), "short_domain": HOST,
            "broadcast_no": broadcast.broadcast_no, "broadcast_id": broadcast.broadcast_id,
            "contact_id": f"c-{link_id}", "audience": "vip", "audience_no": 1, "minted_at": time.time(),
        }
        for link_id in links
    ]  # fmt: skip
    await clickhouse.insert_rows("links", rows)


async def change(redis, clickhouse, **changes):
    """Change fields of the domain or of the broadcast in both stores, as control does: ClickHouse first."""
    if "domain" in changes:
        domain = msgspec.structs.replace(DOMAIN, version=2, **changes["domain"])
        await clickhouse.insert_rows("domains", [domain])
        await redis.set(domain_key(domain.short_domain), encode_domain(domain))
    if "broadcast" in changes:
        broadcast = msgspec.structs.replace(BROADCAST, version=2, **changes["broadcast"])
        await clickhouse.insert_rows("broadcasts", [broadcast])
        await redis.set(broadcast_key(broadcast.broadcast_no), encode_broadcast(broadcast))
