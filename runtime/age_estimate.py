"""How old the oldest waiting click can be, by sequence numbers alone."""


class OldestAge:
    """Never too low: two numbers of the past stand for all that wait.

    While a backlog is worked off, the age counts from the beginning of that backlog, not from the oldest still in it.
    """

    def __init__(self, last: int, at_s: float) -> None:
        """at_s: since when anything can wait, on the clock of every later call."""
        self._since = self._marked_at = at_s
        self._mark = last

    def sample(self, done: int, last: int, now_s: float) -> None:
        """Everything up to `done` is through, `last` is the newest; call it about once a second."""
        if done >= self._mark:
            self._since, self._mark, self._marked_at = self._marked_at, last, now_s

    def seconds(self, done: int, last: int, now_s: float) -> float:
        return now_s - self._since if done < last else 0.0
