"""A client of ClickHouse that soon notices a server which answers nobody, however long statements may take."""

import asyncio
from collections.abc import Mapping

from runtime.breaker import Breaker
from runtime.clickhouse import ClickHouse, ClickHouseUnreachable

PING_AFTER_S = 1.0  # a statement that takes longer is looked after
PING_S = 3.0


class WatchfulClickHouse(ClickHouse):
    """While a statement waits, the server is pinged: one that works may take timeout_s, a silent one PING_S.

    Once it was silent, statements fail immediately until it answers again.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._breaker = Breaker(lambda: self.alive(PING_S))

    async def _send(self, arguments: Mapping[str, str], body: bytes) -> bytes:
        if self._breaker.is_open:
            raise ClickHouseUnreachable("it has not answered lately")
        answer = asyncio.ensure_future(super()._send(arguments, body))
        try:
            while not (await asyncio.wait({answer}, timeout=PING_AFTER_S))[0]:
                await self._look_after(answer)
            return answer.result()
        finally:
            answer.cancel()

    async def _look_after(self, answer: "asyncio.Future[bytes]") -> None:
        try:
            await self.alive(PING_S)
        except ClickHouseUnreachable as error:
            if answer.done():
                return
            self._breaker.trip(str(error))
            raise ClickHouseUnreachable(f"it answers neither a statement nor a ping within {PING_S:g} s") from error
