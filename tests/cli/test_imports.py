"""What a command imports is time that a person waits: a minting leaves out what it does not need."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.servers

SHOWS = "import sys, {module}; print(*sys.modules)"
# For servers, for tables on a terminal, for lists that are not plain, for other commands.
NEEDLESS = (
    "aiohttp", "asyncio", "numpy", "pyarrow", "redis", "rich", "starlette", "uvicorn",
    "control", "edge", "aggregator", "stack",
)  # fmt: skip


def imported_by(module):
    done = subprocess.run(
        [sys.executable, "-c", SHOWS.format(module=module)], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_minting_imports_what_it_needs_alone():
    assert imported_by("cli.mint").isdisjoint(NEEDLESS)


READS = (
    "import io, pathlib, sys; from cli.contacts import Reading, lines_aloud;"
    " lines_aloud(Reading(pathlib.Path(sys.argv[1])), io.BytesIO(), 1); print(*sys.modules)"
)


@pytest.mark.parametrize(("content", "needs"), [("contact_id\nc-1\n", False), ('contact_id\n"c ""1"""\n', True)])
def test_a_plain_list_is_read_without_columns(tmp_path, content, needs):
    path = tmp_path / "contacts.csv"
    path.write_text(content)

    done = subprocess.run([sys.executable, "-c", READS, path], capture_output=True, text=True, check=True)

    assert ("pyarrow" in done.stdout.split()) == needs


@pytest.mark.parametrize("module", ["cli.api", "cli.key", "cli.clicks"])
def test_a_call_needs_no_columns(module):
    assert imported_by(module).isdisjoint({"aiohttp", "asyncio", "pyarrow"})


def test_the_list_of_commands_needs_none_of_them():
    assert imported_by("cli.__main__").isdisjoint({*NEEDLESS, "msgspec"})
