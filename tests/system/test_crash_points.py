"""docs/crash-points.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "docs/crash-points.md").read_text().splitlines() if line.startswith("| ")][1:]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_\w+)`")


def test_every_row_of_the_crash_table_names_a_test():
    assert len(ROWS) >= 17
    assert [row for row in ROWS if not NAMED.search(row)] == []


def test_every_test_the_crash_table_names_exists():
    named = {pair for row in ROWS for pair in NAMED.findall(row)}

    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text()] == []
