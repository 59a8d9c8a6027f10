"""docs/configuration.md says what the Settings records say."""

import re
import runpy
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "docs/configuration.py"))


def test_the_page_is_current():
    assert SCRIPT["PAGE"].read_text() == SCRIPT["page"]()


def test_every_variable_that_the_code_names_is_on_the_page():
    code = [path for package in ("cli", "stack", "runtime", "aggregator") for path in (ROOT / package).rglob("*.py")]
    between_children = {"TAPTRAIL_CLICKHOUSE_WRITER", "TAPTRAIL_CLICKHOUSE_ANALYST"}
    named = {name for path in code for name in re.findall(r"\bTAPTRAIL_[A-Z_]+[A-Z]\b", path.read_text())}

    assert named - between_children - set(re.findall(r"TAPTRAIL_[A-Z_]+[A-Z]\b", SCRIPT["page"]())) == set()


def test_a_field_without_a_description_is_refused(monkeypatch):
    class Settings(msgspec.Struct):
        new_field: str

    monkeypatch.setitem(SCRIPT["RECORDS"], "edge", Settings)

    with pytest.raises(SystemExit, match="new_field is described 0 times"):
        SCRIPT["page"]()
