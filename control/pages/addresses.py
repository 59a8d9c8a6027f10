"""Addresses of a page with another query."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode


def with_query(path: str, query: Mapping[str, str | int] | Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def without(query: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in query.items() if name not in names}


def turned(path: str, query: Mapping[str, str], following: str | None) -> dict[str, Any]:
    """Of the first page of a list and of the next one; "" for what there is no need to go to, or nothing."""
    return {
        "first": with_query(path, without(query, "cursor")) if "cursor" in query else "",
        "next": with_query(path, {**query, "cursor": following}) if following else "",
    }
