"""Writes the dictionary of docs/data.md as ClickHouse has it; --check exits with status 1 if it is out of date.

docs/data.py [--check] URL, of the user `taptrail` of a ClickHouse with the schema of this release.
"""

import asyncio
import sys
from itertools import groupby
from pathlib import Path

import msgspec

from aggregator.comments import Dictionary
from runtime.clickhouse import ClickHouse

PAGE = Path(__file__).with_name("data.md")
_BEGIN, _END = "<!-- dictionary: docs/data.py -->\n", "<!-- end of the dictionary -->\n"
_COLUMNS = """
SELECT table, name, type, comment FROM system.columns
WHERE database = 'taptrail' AND concat(database, '.', table) IN {known:Array(String)} ORDER BY table, position
"""


class _Column(msgspec.Struct):
    table: str
    name: str
    type: str
    comment: str


async def dictionary(clickhouse: ClickHouse) -> str:
    """A table for each table and view of an analyst."""
    known = Dictionary().tables
    columns = await clickhouse.rows(_COLUMNS, _Column, known=list(known))
    parts = []
    for table, found in groupby(columns, key=lambda column: column.table):
        rows = "".join(f"| `{one.name}` | {_cell(one.type)} | {_cell(one.comment)} |\n" for one in found)
        parts.append(f"### {table}\n{known[f'taptrail.{table}']}\n\n| column | type | meaning |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page(text: str, made: str) -> str:
    """The page with this dictionary in its place."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}\n{made}\n{_END}{rest.partition(_END)[2]}"


async def _main(url: str, check: bool) -> None:
    async with ClickHouse(url) as clickhouse:
        written = page(PAGE.read_text(), await dictionary(clickhouse))
    if not check:
        PAGE.write_text(written)
    elif written != PAGE.read_text():
        sys.exit("the dictionary in docs/data.md is not what ClickHouse says: docs/data.py URL")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[-1], "--check" in sys.argv))
