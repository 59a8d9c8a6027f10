"""How much memory a record takes: its stored bytes say little of it. Pure."""

from collections.abc import Iterable
from sys import getsizeof
from typing import Any

import msgspec


def size_of(value: Any) -> int:
    """Bytes of a value and all that it holds; what it shares with others counts as its own."""
    return getsizeof(value) + sum(map(size_of, _parts(value)))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (*value.keys(), *value.values())
    if isinstance(value, tuple | list):
        return value
    return msgspec.structs.astuple(value) if isinstance(value, msgspec.Struct) else ()
