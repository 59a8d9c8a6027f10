"""SIGKILL at chosen system calls: where a file is made, written, synced, named, and where the answer leaves.

The whole sweep is `python -m tests.chaos.kill_points`, a part of `make chaos`.
"""

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
        pytest.param("mkdir", 2, id="a part is begun"),
        pytest.param("write", 9, id="a part is half written"),
        pytest.param("rename", 1, id="a part is whole but not named"),
        pytest.param("fdatasync", 4, id="a part is being synced, or named and not synced"),
        pytest.param("sendto", 2, id="an answer is due"),
    ],
)
def test_a_clickhouse_killed_while_it_inserts_loses_and_doubles_nothing(clickhouse_points, call, nth):
    assert clickhouse_points.kill_at(call, nth), "it was to die"


@pytest.mark.parametrize(
    ("call", "nth"),
    [
        pytest.param("mkdir", 2, id="a lane is begun"),
        pytest.param("rename", 1, id="a lane is not named yet"),
        pytest.param("write", 40, id="under taps"),
        pytest.param("unlink", 1, id="a segment is over"),
        pytest.param("rename", 2, id="a lane is over"),
    ],
)
def test_an_edge_killed_at_its_spool_loses_no_answered_tap_and_doubles_none(edge_points, call, nth):
    assert edge_points.kill_at(call, nth), "it was to die"
