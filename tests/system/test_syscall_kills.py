"""SIGKILL at chosen system calls: where a file is made, written, synced, named, and where the answer leaves.

The whole sweep is `python -m tests.chaos.kill_points`, a part of `make chaos`.
"""

import re
from collections.abc import Iterator

import pytest

from tests.chaos.kill_points import ClickHousePoints, EdgePoints
from tests.chaos.syscalls import needs_strace


@pytest.fixture(scope="module", autouse=True)
def _traced() -> None:
    needs_strace()


@pytest.fixture(scope="module")
def clickhouse_points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHousePoints]:
    points = ClickHousePoints(tmp_path_factory.mktemp("clickhouse-points"))
    yield points
    points.close()


@pytest.fixture(scope="module")
def edge_points(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgePoints]:
    points = EdgePoints(tmp_path_factory.mktemp("edge-points"))
    yield points
    points.close()


@pytest.mark.parametrize(
    ("call", "nth"),
    [
        pytest.param("write", 9, id="a part is half written"),
        pytest.param("rename", 1, id="a part is whole but not named"),
        pytest.param("fdatasync", 4, id="a part is being synced, or named and not synced"),
    ],
)
def test_a_clickhouse_killed_while_it_inserts_loses_and_doubles_nothing(clickhouse_points, call, nth):
    assert clickhouse_points.kill_at(call, nth), "it was to die"


def test_a_clickhouse_answers_only_when_the_part_and_its_directory_are_synced(clickhouse_points, tmp_path):
    """What a power cut could take away must not be acknowledged."""
    calls = clickhouse_points.calls("rename,fdatasync,sendto", tmp_path / "calls")

    named = next(place for place, call in enumerate(calls) if "rename(" in call and "/tmp_insert_" in call)
    answered = next(place for place, call in enumerate(calls) if place > named and "HTTP/1.1 200" in call)
    part = re.findall(r"[^/\"]+(?=/\")", calls[named])[-1]
    synced_before = [call for call in calls[:named] if "fdatasync(" in call and "/tmp_insert_" in call]
    synced_after = [call for call in calls[named:answered] if "fdatasync(" in call]
    assert len(synced_before) > 10
    assert any(f"/{part}>" in call for call in synced_after)
    assert any(f"/{part}" not in call for call in synced_after), "the directory the part is named in"


@pytest.mark.parametrize(
    ("call", "nth"),
    [
        pytest.param("rename", 1, id="a lane is not named yet"),
        pytest.param("write", 40, id="under taps"),
        pytest.param("unlink", 1, id="a segment is over"),
        pytest.param("rename", 2, id="a lane is over"),
    ],
)
def test_an_edge_killed_at_its_spool_loses_no_answered_tap_and_doubles_none(edge_points, call, nth):
    assert edge_points.kill_at(call, nth), "it was to die"
