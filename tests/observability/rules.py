"""The rules files, and promtool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "observability" / "rules").glob("*.yml"))
PROCESSES = ("edge", "aggregator", "control")
_NAME = re.compile(r"\b(?:taptrail|process)_\w+")
_SUFFIX = re.compile(r"_(total|bucket|count|sum|info)$")


def all_rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in all_rules() if "alert" in rule}


def metrics_in(expression: str) -> set[str]:
    """Names of metrics of processes, without the suffixes that their type gives them."""
    return {_SUFFIX.sub("", name) for name in _NAME.findall(expression)}


def metrics_in_code() -> set[str]:
    sources = [ROOT / process / "metrics.py" for process in PROCESSES] + [ROOT / "runtime" / "metrics.py"]
    ours = {name for path in sources for name in re.findall(r'"(taptrail_\w+)"', path.read_text())}
    return ours | {"process_start_time_seconds", "process_cpu_seconds", "process_resident_memory_bytes",
                   "process_open_fds", "process_max_fds"}  # fmt: skip


def promtool(*arguments: str, given: str | None = None) -> str:
    """What it says; fails with it, or skips where there is none."""
    if shutil.which("promtool") is None:
        pytest.skip("NOT TESTED: rules and metrics, for want of promtool (apt-get install prometheus)")
    done = subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
