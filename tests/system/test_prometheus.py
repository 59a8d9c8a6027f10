"""A real Prometheus watches `taptrail up` as it would production: metrics, targets, rules, an alert."""

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.page import documented, rows_of
from tests.observability.rules import ALERTS, PROCESSES, ROOT, RULES, promtool
from tests.support.eventually import wait_until
from tests.support.processes import free_port, running
from tests.support.stack import Stack, tap_all


class Prometheus:
    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=10):
                return True
        except OSError:
            return False

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def targets(self) -> dict[str, str]:
        """Health by job."""
        return {one["labels"]["job"]: one["health"] for one in self._ask("targets")["activeTargets"]}

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[str]:
        return {one["labels"]["alertname"] for one in self._ask("alerts")["alerts"] if one["state"] == "firing"}


def configured(folder: Path, ops: dict[str, Any]) -> Path:
    """observability/ for this stack: its targets, and everything by the second."""
    config = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs")
        urls = ops[job["job_name"]] if job["job_name"] == "edge" else [ops[job["job_name"]]]
        job["static_configs"] = [{"targets": [url.removeprefix("http://") for url in urls]}]
    (folder / "rules").mkdir(parents=True)
    for path in RULES:
        rules = yaml.safe_load(path.read_text())
        for rule in (rule for group in rules["groups"] for rule in group["rules"] if "for" in rule):
            rule["for"] = "1s"
        (folder / "rules" / path.name).write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return folder / "prometheus.yml"


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    yield stack
    stack.stop()


@pytest.fixture
def prometheus(stack, tmp_path) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("NOT TESTED: alerts on a running system, for want of prometheus (apt-get install prometheus)")
    folder, port = tmp_path / "prometheus", free_port()
    command = ["prometheus", f"--config.file={configured(folder, stack.ready['ops'])}", "--log.level=warn",
               f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}"]  # fmt: skip
    with running(command, port, tmp_path / "prometheus.log"):
        prometheus = Prometheus(port)
        wait_until(prometheus.is_ready)
        yield prometheus


@pytest.fixture(scope="module")
def exposed(stack) -> dict[str, str]:
    """What each process tells Prometheus, by process, when there was something to count."""
    codes = stack.mint(2)
    assert asyncio.run(tap_all(stack.ready["edge"], codes)) == []
    ops = {**stack.ready["ops"], "edge": stack.ready["ops"]["edge"][0]}
    return {name: urllib.request.urlopen(f"{url}/metrics").read().decode() for name, url in ops.items()}


@pytest.mark.parametrize("process", PROCESSES)
def test_metrics_keep_to_the_conventions_of_prometheus(exposed, process):
    assert promtool("check", "metrics", given=exposed[process]) == ""


@pytest.mark.parametrize("process", PROCESSES)
def test_every_metric_stands_in_the_docs_as_it_is(exposed, process):
    assert rows_of(exposed[process]) == documented(process)


def test_an_alert_comes_with_its_cause_and_goes_with_it(stack, prometheus):
    wait_until(prometheus.targets, equals=dict.fromkeys(("edge", "aggregator", "control"), "up"))
    wait_until(lambda: {rule["health"] for rule in prometheus.rules()} == {"ok"})
    assert {rule["name"] for rule in prometheus.rules() if rule["type"] == "alerting"} == set(ALERTS)
    wait_until(prometheus.firing, equals=set())

    os.kill(stack.pid("redis"), signal.SIGSTOP)
    try:
        wait_until(lambda: "TaptrailRedisBreakerOpen" in prometheus.firing())
    finally:
        os.kill(stack.pid("redis"), signal.SIGCONT)

    wait_until(prometheus.firing, equals=set())
