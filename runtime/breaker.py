"""Circuit breaker: one failure opens it, a background probe closes it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

LEFT_ALONE_S = 0.5

log = logging.getLogger(__name__)


class Breaker:
    """Opened by one failure; while it is open nobody asks but a probe in the background, whose success closes it.

    So only the visitors of the moments until the first failure wait for it. probe: raises while the store is away.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]]) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self.failures = 0

    @property
    def is_open(self) -> bool:
        return self._probing is not None

    def trip(self, why: str) -> None:
        """Something asked has failed."""
        self.failures += 1
        if self._probing is None:
            log.warning(
                "breaker_opened: ClickHouse does not answer; probing it in the background", extra={"error": why[:300]}
            )
            self._probing = asyncio.get_running_loop().create_task(self._until_it_answers())

    async def _until_it_answers(self) -> None:
        while True:
            await asyncio.sleep(LEFT_ALONE_S)
            try:
                await self._probe()
            except Exception as error:
                log.debug("breaker_probe_failed: ClickHouse does not answer yet", extra={"error": str(error)})
                continue
            self._probing = None
            return
