"""What tables and columns mean, from schema/comments.toml, said in ClickHouse where people look at them."""

import tomllib
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from runtime.clickhouse import ClickHouse

_FILE = Path(__file__).parent / "schema/comments.toml"
_SAID = """
SELECT database, name AS table, '' AS column, comment FROM system.tables WHERE database IN {databases:Array(String)}
UNION ALL
SELECT database, table, name, comment FROM system.columns WHERE database IN {databases:Array(String)}
ORDER BY database, table
"""
DATABASES = ("taptrail", "taptrail_internal")


class Said(msgspec.Struct, frozen=True):
    database: str
    table: str
    column: str  # '' for the table itself
    comment: str

    @property
    def place(self) -> str:
        return f"{self.database}.{self.table}"


class Dictionary:
    def __init__(self) -> None:
        self._said = tomllib.loads(_FILE.read_text())

    @property
    def tables(self) -> dict[str, str]:
        return dict(self._said["tables"])

    def means(self, table: str, column: str) -> str:
        """table: with its database. "" where nobody said."""
        if not column:
            return str(self._said["tables"].get(table, ""))
        return str(self._said.get(table, {}).get(column) or self._said["columns"].get(column, ""))


async def said_in(clickhouse: ClickHouse) -> list[Said]:
    return await clickhouse.rows(_SAID, Said, databases=DATABASES)


async def comment(clickhouse: ClickHouse) -> None:
    """Says what is not said yet. A view that was made again has lost its comments."""
    dictionary = Dictionary()
    differ = [one for one in await said_in(clickhouse) if one.comment != dictionary.means(one.place, one.column)]
    for place, found in groupby(differ, key=lambda one: one.place):
        if place in dictionary.tables:
            await clickhouse.execute(f"ALTER TABLE {place} {_changes(dictionary, found)}")


def _changes(dictionary: Dictionary, found: Iterable[Said]) -> str:
    return ", ".join(
        f"COMMENT COLUMN `{one.column}` {_literal(dictionary.means(one.place, one.column))}" if one.column
        else f"MODIFY COMMENT {_literal(dictionary.means(one.place, ''))}"
        for one in found
    )  # fmt: skip


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
