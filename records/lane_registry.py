"""Reads what Redis says of lanes; what neither an edge nor an aggregator wrote there is left alone."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from records.click import LaneState

Text = bytes | str  # clients differ
_NAME = re.compile(rb"[0-9a-f]{16}")
_state = msgspec.json.Decoder(LaneState)

SILENT_AFTER_MS = 60_000  # an edge reports every lane once a second


def lane_named(name: Text) -> int | None:
    """The inverse of lane_name; None for a name that no edge gave."""
    name = name.encode() if isinstance(name, str) else name
    return int(name, 16) if _NAME.fullmatch(name) else None


def lanes_in(names: Iterable[Text]) -> list[int]:
    return [lane for name in names if (lane := lane_named(name)) is not None]


def states_in(registered: Mapping[Text, Text]) -> dict[int, LaneState]:
    """The hash LANES, as far as it can be read."""
    states = {}
    for name, value in registered.items():
        lane, state = lane_named(name), _state_in(value)
        if lane is not None and state is not None:
            states[lane] = state
    return states


def is_silent(state: LaneState, now_ms: int) -> bool:
    """Whether the edge of a lane that is not over has not been heard of for a minute: stopped, cut off or lost."""
    return not state.ended and now_ms - state.updated_at_ms > SILENT_AFTER_MS


def watermarks_in(published: Mapping[Text, Text]) -> dict[int, int]:
    """The hash WATERMARKS, as far as it can be read."""
    found = {lane_named(name): watermark_in(value) for name, value in published.items()}
    return {lane: seq for lane, seq in found.items() if lane is not None}


def watermark_in(value: Text | None) -> int:
    """A field of it; 0 where nothing is known."""
    return int(value) if value is not None and value.isdigit() else 0


def _state_in(value: Text) -> LaneState | None:
    try:
        return _state.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
