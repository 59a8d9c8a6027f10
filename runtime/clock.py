"""What time it is, and how to wait: given to whatever decides by time, so that a test can have a clock of its own."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Deadlines and leases are measured by monotonic(), in seconds, which no one sets; ages by unix_s().

    unix_ms() is for records.
    """

    def monotonic(self) -> float: ...

    def unix_s(self) -> float: ...

    def unix_ms(self) -> int: ...

    async def sleep(self, seconds: float) -> None: ...

    async def rest(self, seconds: float, until: asyncio.Event) -> None:
        """Sleep, and wake early when the event is set."""


def unix_ms() -> int:
    """Unix milliseconds, by the clock of this machine."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def unix_s(self) -> float:
        return time.time()

    def unix_ms(self) -> int:
        return unix_ms()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def rest(self, seconds: float, until: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return
