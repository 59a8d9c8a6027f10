"""Table compositions: what the messages of each request came to, which are kept nowhere themselves."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from control.http.problems import Problem
from messages.line import MessageLine
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms
from runtime.retry_insert import OutcomeUnknown, insert_until_known


class Tally(msgspec.Struct, frozen=True):
    """Counts of messages."""

    by_segments: Counter[int]
    by_warning: Counter[str]  # a message that a warning concerns twice counts once

    @classmethod
    def of(cls, messages: Iterable[MessageLine]) -> "Tally":
        made = cls(Counter(), Counter())
        for message in messages:
            made.by_segments[message.segments] += 1
            if message.warnings:
                made.by_warning.update({warned.warning for warned in message.warnings})
        return made

    def add(self, other: "Tally") -> None:
        self.by_segments.update(other.by_segments)
        self.by_warning.update(other.by_warning)


class Compositions:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def record(self, broadcast: Broadcast, request: str, tally: Tally) -> None:
        """Keep the counts of a request; those of its repetition take their place. Raises Problem."""
        row = {
            "account": broadcast.account,
            "broadcast_no": broadcast.broadcast_no,
            "broadcast_id": broadcast.broadcast_id,
            "request": request,
            "composed_at": unix_ms() / 1000,
            "messages": tally.by_segments.total(),
            "segments": sum(segments * messages for segments, messages in tally.by_segments.items()),
            "by_segments": dict(tally.by_segments),
            "by_warning": dict(tally.by_warning),
        }
        try:
            await insert_until_known(self._clickhouse, "compositions", row)
        except OutcomeUnknown:
            detail = "ClickHouse cannot be reached; send the same request with the same Idempotency-Key to go on"
            raise Problem("unavailable", detail, retry_after_s=10) from None
