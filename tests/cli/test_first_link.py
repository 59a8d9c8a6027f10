"""docs/deploy.md#the-first-link, typed as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
# In place of the container of control: a folder of its own, with the variables that the page's `inside` gives.
INSIDE = """
OPERATOR=$TAPTRAIL_API_KEY
inside() { (cd "$FOLDER" && "$@"); }
set -euo pipefail
"""


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path)
    yield stack
    assert stack.stop() == 0


def block(page: str, heading: str) -> str:
    """The first block of commands below a heading."""
    return re.search(rf"^## {heading}$.*?^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.system
def test_the_first_link_is_minted_tapped_and_found_by_the_commands_of_the_page(stack, tmp_path):
    page = (ROOT / "docs/deploy.md").read_text()
    commands = block(page, "The first link").replace("http://127.0.0.1:8080", stack.ready["edge"])
    environ = {
        **os.environ, "FOLDER": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TAPTRAIL_CONTROL_URL": stack.ready["control"], "TAPTRAIL_API_KEY": stack.ready["api_key"],
        "TAPTRAIL_CLICKHOUSE_ANALYST_URL": stack.ready["clickhouse_analyst"],
    }  # fmt: skip

    done = subprocess.run(
        ["bash", "-c", INSIDE + commands], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "302 Found" in done.stdout
    assert "location: https://shop.acme.example/?c=c-1" in done.stdout.lower()
    (code,) = re.findall(r"^c-1,0,\d+,(\w+),", (tmp_path / "links.csv").read_text(), re.MULTILINE)
    assert re.search(rf"{code}.*c-1.*302.*bot", done.stdout)


def test_both_ways_to_run_a_command_inside_give_it_the_same_variables():
    given = re.findall(r"^inside\(\) \{.*?\}$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE | re.DOTALL)

    assert [set(re.findall(r"TAPTRAIL_\w+", one)) for one in given] == [
        {"TAPTRAIL_CONTROL_URL", "TAPTRAIL_API_KEY", "TAPTRAIL_CLICKHOUSE_ANALYST_URL"}
    ] * 2
