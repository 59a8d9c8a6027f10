"""Which names may have a certificate: asked by a TLS terminator, answered also while every store is away."""

import asyncio
import logging

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edge.batch_loader import ResolveFailed
from edge.walker import Walker
from records.hosts import ascii_host
from records.tables import DOMAINS, EXISTING, in_force
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

PATH = "/tls/allowed"
MAX_NAMES = 50_000  # in memory for an outage, some 5 MB, and 17 MB where each has 253 characters
READ_EVERY_S, TRY_AGAIN_S = 60.0, 2.0
ANSWER_S = 1.0  # a handshake waits; then what is remembered has to do

_NAMES = f"SELECT short_domain FROM ({in_force(DOMAINS, EXISTING)}) ORDER BY short_domain LIMIT {{most:UInt32}}"  # noqa: S608

log = logging.getLogger(__name__)


class _Row(msgspec.Struct, frozen=True):
    short_domain: str


class RegisteredNames:
    """What the stores say of a name counts; the names as they were last read count while no store says anything."""

    def __init__(self, walker: Walker, clickhouse: ClickHouse) -> None:
        self._walker, self._clickhouse = walker, clickhouse
        self._remembered: frozenset[str] = frozenset()

    def routes(self) -> list[Route]:
        return [Route(PATH, self._allowed)]

    async def is_registered(self, name: str) -> bool:
        """name: as ascii_host() gives it."""
        try:
            return await asyncio.wait_for(self._walker.is_registered(name), ANSWER_S)
        except (ResolveFailed, TimeoutError):
            return name in self._remembered

    async def keep_read(self) -> None:
        """Remember every name, read again and again, until cancelled."""
        while True:  # noqa: ASYNC110 - by the clock
            await asyncio.sleep(READ_EVERY_S if await self._read() else TRY_AGAIN_S)

    async def _read(self) -> bool:
        try:
            self._remembered = await read_names(self._clickhouse)
        except (ClickHouseUnreachable, ClickHouseRefused) as error:
            log.debug("names_not_read: the names of domains are as they were", extra={"error": str(error)})
            return False
        return True

    async def _allowed(self, request: Request) -> Response:
        name = ascii_host(request.query_params.get("domain", ""))
        if name and await self.is_registered(name):
            return PlainTextResponse("registered\n")
        return PlainTextResponse("not registered; expected ?domain= with a short domain of an account\n", 404)


async def read_names(clickhouse: ClickHouse, most: int = MAX_NAMES) -> frozenset[str]:
    """The first of them by the alphabet, where there are more. Raises what ClickHouse raises."""
    rows = await clickhouse.rows(_NAMES, _Row, most=most + 1)
    if len(rows) > most:
        log.warning(
            "names_not_all_remembered: while no store answers, the domains beyond get no certificate",
            extra={"records": most},
        )
    return frozenset(row.short_domain for row in rows[:most])
