import pytest

from tests.support import disks
from tests.support.edge import WAYS, cache, store


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    with disks.small_disk(tmp_path / "small", "256k") as mounted:
        yield mounted


@pytest.fixture(scope="session")
def way():
    """How taps come to be answered, of WAYS; a module whose rules hold on several ways has its own."""
    return "fast"


@pytest.fixture
def edges(valkey_url, clickhouse_url, tmp_path, way):
    """Starts edge processes on the session's servers; stops what is left of them."""
    started = []

    def start(redis_url=valkey_url, clickhouse_url=clickhouse_url, **settings):
        started.append(WAYS[way](redis_url, clickhouse_url, tmp_path, **{"TAPTRAIL_DRAIN_S": "0.2", **settings}))
        return started[-1]

    yield start
    for edge in started:
        if edge.process.poll() is None:
            edge.kill()


@pytest.fixture
async def edge(redis, clickhouse, edges):
    """An edge with links 0 to 19 in both stores."""
    await cache(redis)
    await store(clickhouse)
    return edges()
