"""How often a log line repeats that a fault could write thousands of times a second."""

import time
from collections.abc import Callable


class Seldom:
    """Due at once, and then at most once in every_s seconds, until reset() says that the fault is over."""

    def __init__(self, every_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._now = every_s, now
        self._last: float | None = None

    def is_due(self) -> bool:
        now = self._now()
        if self._last is not None and now - self._last < self._every_s:
            return False
        self._last = now
        return True

    def reset(self) -> None:
        """The fault is over: the next one is due at once."""
        self._last = None
