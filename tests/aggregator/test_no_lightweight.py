"""No statement of this repository is a lightweight UPDATE or DELETE on clicks, nor may an ALTER become one.

A lightweight UPDATE leaves every projection of the table unused until its patches are merged. After a lightweight
DELETE, ALTER TABLE ... UPDATE of a column that a projection groups by counts the deleted row again, for good.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Also where the name of the table is filled in: this cannot see what with.
LIGHTWEIGHT = re.compile(
    r"\bDELETE\s+FROM\s+(?:\w+\.)?(?:clicks\b|\{)|\bUPDATE\s+(?:\w+\.)?(?:clicks|\{[^}]*\})\s+SET\b"
    r"|\balter_update_mode\b|\benable_lightweight_update\b",
    re.IGNORECASE,
)
SKIPPED = {"tests", "changelog.d", "CHANGELOG.md"}
WRITTEN = {".py", ".sql", ".md", ".xml", ".yaml", ".yml", ".sh", ".json", ""}


def texts():
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        if inside.parts[0] in SKIPPED or any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
            continue
        if path.is_file() and path.suffix in WRITTEN:
            yield inside, path.read_text(errors="replace")


def test_clicks_are_never_changed_by_a_lightweight_statement():
    found = [f"{path}: {one[0]}" for path, text in texts() for one in LIGHTWEIGHT.finditer(text)]

    assert found == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM clicks WHERE 1",
        "delete from\n    taptrail.clicks WHERE seq = 1",
        'f"DELETE FROM {table} WHERE 1"',
        "UPDATE clicks SET visit_class = 'bot' WHERE 1",
        "UPDATE {CLICKS}\nSET visit_class = 'bot' WHERE 1",
        "ALTER TABLE clicks UPDATE status = 0 WHERE 1 SETTINGS alter_update_mode = 'lightweight'",
    ],
)
def test_it_would_be_found(statement):
    assert LIGHTWEIGHT.search(statement)


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE clicks UPDATE status = 0 WHERE 1", "ALTER TABLE clicks DELETE WHERE 1"]
)
def test_a_mutation_is_none(statement):
    assert not LIGHTWEIGHT.search(statement)
