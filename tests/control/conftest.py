from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from records.keys import CACHE_VERSION
from tests.support.control import Control
from tests.support.eventually import eventually, wait_until
from tests.support.processes import running_valkey


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory) -> Iterator[str]:
    """Of these tests alone: the control process of the session puts back what it finds missing, in other tests too."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def control_process(valkey_url, clickhouse_url, tmp_path_factory) -> Iterator[Control]:
    control = Control(valkey_url, clickhouse_url, tmp_path_factory.mktemp("control"))
    wait_until(lambda: "taptrail_control_resyncs_total 1.0" in control.metrics())  # else it writes into the first test
    yield control
    control.stop()


@pytest.fixture
async def redis(valkey_url, control_process) -> AsyncIterator[Redis]:
    """Emptied so that the control process of the session takes no notice; what a test makes it notice is waited for."""
    client = Redis.from_url(valkey_url)
    async with client.pipeline(transaction=True) as at_once:
        await at_once.flushall().set(CACHE_VERSION, 2**53).execute()
    yield client
    await eventually(lambda: client.get(CACHE_VERSION), lambda version: version is not None)
    await client.aclose()


@pytest.fixture
async def control(redis, clickhouse, control_process) -> Control:
    """A control process on empty stores."""
    return control_process


@pytest.fixture
def controls(clickhouse_url, tmp_path):
    """Starts control processes on stores of the test's choice; stops what is left of them."""
    started = []

    def start(redis_url, clickhouse_url=clickhouse_url, **settings):
        started.append(Control(redis_url, clickhouse_url, tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()
