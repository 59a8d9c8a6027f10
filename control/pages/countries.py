"""Names of countries, and which of them the map of the world shows; both are made by control.pages.world."""

from pathlib import Path

import msgspec

from control.pages.formats import NOT_KNOWN

_LISTED = msgspec.json.decode(
    Path(__file__).with_name("world").joinpath("countries.json").read_bytes(), type=dict[str, tuple[str, bool]]
)


def name_of(code: str) -> str:
    """Of an ISO 3166 alpha-2 code; a code that is none is its own name."""
    if not code:
        return NOT_KNOWN
    return _LISTED[code][0] if code in _LISTED else code


def is_drawn(code: str) -> bool:
    """False for what is too small for the map, and for what is no country."""
    return code in _LISTED and _LISTED[code][1]
