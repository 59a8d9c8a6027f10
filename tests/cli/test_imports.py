"""What a command imports is time that a person waits: a minting leaves out what it does not need."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.servers

SHOWS = "import sys, {module}; print(*sys.modules)"
# For servers, for tables on a terminal, for other commands.
NEEDLESS = ("aiohttp", "asyncio", "redis", "rich", "starlette", "uvicorn", "control", "edge", "aggregator", "stack")


def imported_by(module):
    done = subprocess.run(
        [sys.executable, "-c", SHOWS.format(module=module)], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_minting_imports_what_it_needs_alone():
    assert imported_by("cli.mint").isdisjoint(NEEDLESS)


@pytest.mark.parametrize("module", ["cli.api", "cli.key", "cli.clicks"])
def test_a_call_needs_no_columns(module):
    assert imported_by(module).isdisjoint({"aiohttp", "asyncio", "pyarrow"})


def test_the_list_of_commands_needs_none_of_them():
    assert imported_by("cli.__main__").isdisjoint({*NEEDLESS, "pyarrow", "msgspec"})
