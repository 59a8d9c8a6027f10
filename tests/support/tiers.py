"""Which tier a test belongs to, and the rule of the first: a pure test starts no process.

pure     needs Python and the packages alone; all of them together take seconds
servers  starts servers, processes or tools of its own (kubectl, promtool)
system   long ones: the whole system, killed and cut off; all of tests/system/
browser  the pages in a real Chromium; all of tests/browser/
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

STARTS_PROCESSES = frozenset(
    {"valkey_url", "own_valkey", "clickhouse_server", "small_disk", "rendered", "production", "with_components"}
)
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})

_pure: list[str] = []  # the id of the pure test that runs now


def tier_of(item: pytest.Item) -> str:
    """The tier that a test's folder, its mark or the fixtures it uses put it into."""
    if item.path.parent.name == "browser":
        return "browser"
    if item.path.parent.name == "system" or item.get_closest_marker("system"):
        return "system"
    if item.get_closest_marker("servers") or STARTS_PROCESSES.intersection(item.fixturenames):
        return "servers"
    return "pure"


def refuse_processes(event: str, arguments: tuple[Any, ...]) -> None:
    if _pure and event in _STARTS:
        pytest.fail(f"{_pure[0]} starts a process ({arguments[0]}): mark it with pytest.mark.servers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(tier_of(item))


def pytest_sessionstart() -> None:
    sys.addaudithook(refuse_processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("pure"):
        _pure.append(item.nodeid)
    try:
        return (yield)
    finally:
        _pure.clear()
