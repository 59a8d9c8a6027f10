"""Records as rows of ClickHouse: the columns of a record's table are its fields, and every write is a row. Pure."""

from typing import NamedTuple

import msgspec

from records.broadcast import Broadcast
from records.domain import Domain


class Table(NamedTuple):
    name: str
    record: type[msgspec.Struct]
    key: str  # columns that name one record; its row with the highest version is in force


BROADCASTS = Table("broadcasts", Broadcast, "account, broadcast_id")
DOMAINS = Table("domains", Domain, "short_domain")


EXISTING = "NOT deleted"  # a condition on both


def in_force(table: Table, condition: str) -> str:
    """SELECT of the records that meet a condition, in the order of their fields, the last written last.

    A row that a newer one has replaced is never among them. The keys come first: FINAL then reads little of the table.
    """
    columns = ", ".join(table.record.__struct_fields__)
    keys = f"SELECT {table.key} FROM {table.name} WHERE {condition}"  # noqa: S608 - our own names
    return (
        f"SELECT {columns} FROM {table.name} FINAL WHERE ({table.key}) IN ({keys}) AND ({condition}) ORDER BY version"  # noqa: S608
    )


def instant(ms: int) -> str:
    """Unix milliseconds as a row of JSON has a DateTime64(3): in seconds, and never a float on the way."""
    return f"{ms // 1000:010}.{ms % 1000:03}"  # with fewer digits it would be read as a date
