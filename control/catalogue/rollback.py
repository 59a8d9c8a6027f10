"""What takes a record back to an earlier version of its history. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from control.catalogue.changes import Entry
from control.http.problems import Problem, invalid


def fields_of(history: Sequence[Entry], to: int | None) -> tuple[int, dict[str, Any]]:
    """The version meant, and the fields that were other then, as the API says them; raises Problem.

    history: oldest first, with at least the first state. to: None for the version before the last one.
    """
    last = len(history)
    if last < 2:
        raise Problem("conflict", "nothing was changed since the broadcast was made: there is nothing to roll back")
    version = last - 1 if to is None else to
    if not 1 <= version < last:
        detail = f"version is {version}; the last one is {last}, so expected one from 1 to {last - 1}"
        raise invalid("version", f"{detail} (GET /v1/broadcasts/{{broadcast_id}}/history)")
    fields: dict[str, Any] = {}
    for entry in reversed(history[version:]):
        fields |= msgspec.json.decode(entry.before or b"{}")
    return version, fields
