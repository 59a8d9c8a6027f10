"""Which of the stores a process stands on does not answer, for /readyz."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

ASK_EVERY_S = 1.0
ANSWER_S = 2.0

Ask = Callable[[], Awaitable[object]]  # raises while the store is away


class Stores:
    """Asks each store once a second. asks: by the name of the store."""

    def __init__(self, asks: Mapping[str, Ask]) -> None:
        self._asks = asks
        self._troubles: dict[str, str] = {}

    async def watch(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._watch(name, ask) for name, ask in self._asks.items()))

    def degraded(self) -> list[str]:
        return [f"{name}: {self._troubles[name]}" for name in self._asks if name in self._troubles]

    async def _watch(self, name: str, ask: Ask) -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await ask()
                self._troubles.pop(name, None)
            except TimeoutError:
                self._troubles[name] = f"no answer within {ANSWER_S:g} s"
            except Exception as error:  # whatever keeps it from answering is what /readyz has to say
                self._troubles[name] = str(error)[:300] or type(error).__name__
            await asyncio.sleep(ASK_EVERY_S)
