"""What of a broadcast a report is narrowed to."""

from typing import Literal

import msgspec

from runtime.clickhouse import text_literal

VisitClass = Literal["human", "preview", "prefetch", "scanner", "bot", "unknown"]


class Filters(msgspec.Struct, frozen=True):
    """None: not narrowed. "" is a value too: what is not known."""

    audience: str | None = None
    destination: int | None = None
    device: str | None = None
    os: str | None = None
    browser: str | None = None
    country: str | None = None
    region: str | None = None
    visit_class: VisitClass | None = None


NONE = Filters()
# Of the links themselves; the others say how they were tapped.
_OF_LINKS = {"audience": "audience", "destination": "destination_index"}
_OF_CLICKS = {
    **_OF_LINKS, "device": "device_type", "os": "os", "browser": "browser", "country": "country", "region": "region",
    "visit_class": "visit_class",
}  # fmt: skip


def narrowing(filters: Filters) -> str:
    """What a SELECT ends with so that it sees those rows of links and clicks alone, also through a view.

    Links have an audience and a destination, and are narrowed by these.
    """
    tables = {"taptrail.clicks": _condition(filters, _OF_CLICKS), "taptrail.links": _condition(filters, _OF_LINKS)}
    seen = ", ".join(f"{text_literal(name)}: {text_literal(said)}" for name, said in tables.items() if said)
    return f" SETTINGS additional_table_filters = {{{seen}}}" if seen else ""


def of_links(filters: Filters) -> Filters:
    """The part of them that chooses links: what a figure of links as a whole is narrowed to."""
    return Filters(audience=filters.audience, destination=filters.destination)


def _condition(filters: Filters, columns: dict[str, str]) -> str:
    given = [(column, value) for name, column in columns.items() if (value := getattr(filters, name)) is not None]
    return " AND ".join(f"{column} = {_literal(value)}" for column, value in given)


def _literal(value: str | int) -> str:
    return text_literal(value) if isinstance(value, str) else str(value)
