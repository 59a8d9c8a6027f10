"""Stream entries -> clicks and dead letters. Pure."""

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec

from aggregator.clicks import Clicks, Gathering
from records.click import BadClick, Click, Frame, decode_frame, frames_in

MAX_DEAD_SPAN = 10_000  # an undecodable entry stands for at most so many clicks; beyond it the id is a foreign one


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One stream entry as read. frames: None where the entry has no such field."""

    lane: int
    last_seq: int  # its id
    frames: bytes | None


class DeadClick(msgspec.Struct, frozen=True, gc=False):
    """What stands in place of a click that does not decode. Field names are columns of dead_clicks."""

    lane: int
    seq: int
    reason: str
    payload: bytes


class Span(msgspec.Struct, frozen=True, gc=False):
    """The seqs first..last of a lane that one entry accounts for, as clicks or dead letters."""

    lane: int
    first_seq: int
    last_seq: int


class Batch(msgspec.Struct, frozen=True):
    clicks: Clicks
    dead: list[DeadClick]
    spans: list[Span]  # one an entry, in stream order

    def without(self, present: set[tuple[int, int]]) -> "Batch":
        """What is left to insert. present: (lane, seq) of clicks that the tables have."""
        return Batch(
            self.clicks.without(present),
            [click for click in self.dead if (click.lane, click.seq) not in present],
            self.spans,
        )


def decode(entries: Iterable[Entry], settled: dict[int, int]) -> Batch:
    """All clicks of some entries, each (lane, seq) once.

    settled: per lane the seq up to which everything is known to be in the table, where an undecodable entry begins.
    """
    decoding = _Decoding()
    reached = dict(settled)
    spans: list[Span] = []
    for entry in entries:
        first_seq = _decode_entry(entry, reached.get(entry.lane, 0), decoding)
        spans.append(Span(entry.lane, first_seq, entry.last_seq))
        reached[entry.lane] = max(reached.get(entry.lane, 0), entry.last_seq)
    return Batch(decoding.gathering.clicks(), decoding.dead, spans)


class _Decoding:
    """What has been decoded of a batch."""

    def __init__(self) -> None:
        self.gathering = Gathering()
        self.dead: list[DeadClick] = []
        self.taken: dict[int, int] = {}  # per lane the last seq: what comes again does not count again


def _decode_entry(entry: Entry, reached: int, decoding: _Decoding) -> int:
    """Adds the entry's clicks; gives its first seq."""
    taken = decoding.taken
    frames, why_no_more = _frames_of(entry)
    for frame in frames:
        _add(frame, entry.lane, taken.get(entry.lane, 0), decoding)
        taken[entry.lane] = max(taken.get(entry.lane, 0), frame.last_seq)
    last_decoded = frames[-1].last_seq if frames else 0
    if last_decoded >= entry.last_seq:
        return frames[0].first_seq if frames else 0
    first_dead = _first_dead(entry, max(last_decoded, reached))
    decoding.dead.extend(_dead_clicks(entry, first_dead, why_no_more))
    return frames[0].first_seq if frames else first_dead


def _first_dead(entry: Entry, known: int) -> int:
    """known: the seq up to which clicks are decoded or in the table."""
    return known + 1 if entry.last_seq - known <= MAX_DEAD_SPAN else entry.last_seq


def _dead_clicks(entry: Entry, first_seq: int, reason: str) -> Iterator[DeadClick]:
    """One for each seq from first_seq to the entry's id; the first holds the entry's bytes."""
    for seq in range(first_seq, entry.last_seq + 1):
        yield DeadClick(entry.lane, seq, reason, (entry.frames or b"") if seq == first_seq else b"")


def _frames_of(entry: Entry) -> tuple[list[Frame], str]:
    """The frames that follow one another up to the entry's id, and why there are no more."""
    frames: list[Frame] = []
    for frame in frames_in(entry.frames or b""):
        if not isinstance(frame, Frame):
            return frames, frame.reason
        if frame.last_seq > entry.last_seq or (frames and frame.first_seq != frames[-1].last_seq + 1):
            return frames, f"seqs {frame.first_seq} to {frame.last_seq} are out of place"
        frames.append(frame)
    return frames, "the entry has no frames" if entry.frames is None else "the frames end early"


def _add(frame: Frame, lane: int, taken: int, decoding: _Decoding) -> None:
    edge_id, clicks = decode_frame(frame)
    if frame.first_seq > taken and BadClick not in map(type, clicks):  # nearly always
        good = cast(list[Click], clicks)
        decoding.gathering.add(lane, range(frame.first_seq, frame.last_seq + 1), edge_id, good)
        return
    for seq, click in enumerate(clicks, frame.first_seq):
        if seq <= taken:
            continue
        if isinstance(click, BadClick):
            decoding.dead.append(DeadClick(lane, seq, click.reason, click.payload))
        else:
            decoding.gathering.add(lane, [seq], edge_id, [click])
