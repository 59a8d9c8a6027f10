"""An engineer who searches the runbook for what is on the pager finds it."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def entries() -> dict[str, str]:
    """heading -> text of the entry."""
    return dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def alerts_named_in(entry: str) -> set[str]:
    line = re.search(r"^\*\*Alerts\*\* (.*)$", entry, re.MULTILINE)
    return set(re.findall(r"\w+", line[1])) if line else set()


def alerts_by_entry() -> dict[str, set[str]]:
    """entry -> names of the alerts whose runbook_url leads to it."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "observability" / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    entry = rule["annotations"]["runbook_url"].partition("#")[2]
                    found.setdefault(entry, set()).add(rule["alert"])
    return found


def test_each_entry_names_the_alerts_that_lead_to_it():
    named = {heading: alerts_named_in(text) for heading, text in entries().items()}

    assert {heading: names for heading, names in named.items() if names} == alerts_by_entry()
