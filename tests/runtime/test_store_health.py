"""The aggregator's /readyz names the store that answers nobody, and stays ready."""

import json
import urllib.request

from tests.support.eventually import wait_until
from tests.support.processes import Process, free_port, silent


def degraded(process):
    with urllib.request.urlopen(f"http://127.0.0.1:{process.ops_port}/readyz") as answer:
        return [one.partition(":")[0] for one in json.loads(answer.read())["degraded"]]


def test_a_store_that_is_silent_is_named_until_it_answers(own_valkey, clickhouse_url, clickhouse_pid, tmp_path):
    environ = {
        "TAPTRAIL_REDIS_URL": own_valkey.url, "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url, "TAPTRAIL_CODE_KEY": "0f" * 16,
    }  # fmt: skip
    aggregator = Process(["-m", "aggregator"], free_port(), tmp_path / "aggregator.log", environ)
    try:
        wait_until(aggregator.ready)
        with silent(own_valkey.process.pid):
            wait_until(lambda: degraded(aggregator), equals=["redis"])
        with silent(clickhouse_pid):
            wait_until(lambda: degraded(aggregator), equals=["clickhouse"])
        wait_until(lambda: degraded(aggregator), equals=[])
    finally:
        aggregator.stop()
