"""Clocks of the tests' own."""

from runtime.clock import SystemClock


class FastClock(SystemClock):
    """The clock of this machine, and what a test adds to it."""

    def __init__(self):
        self.ahead_s = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead_s


class StoppedClock:
    """Says what a test sets."""

    def __init__(self, now_s=100.0):
        self.now_s = now_s

    def monotonic(self):
        return self.now_s

    def unix_s(self):
        return self.now_s

    def unix_ms(self):
        return round(self.now_s * 1000)
