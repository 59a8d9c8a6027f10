"""Alerts say something true, about metrics that exist, and lead to what an operator does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.cases import CASES, Case, visits
from tests.observability.rules import ALERTS, PROCESSES, ROOT, RULES, all_rules, metrics_in, metrics_in_code, promtool

GIB = 1024**3
PROMETHEUS = 'job="prometheus"'


def write_test(path: Path, case: Case, checks: list[dict[str, Any]]) -> str:
    """A file for `promtool test rules`."""
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    test = {"interval": f"{case.step_min}m", "input_series": series, "alert_rule_test": checks}
    document = {
        "rule_files": [str(path) for path in RULES],
        "evaluation_interval": f"{case.step_min}m",
        "tests": [test],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def quiet(name: str, at: int) -> dict[str, Any]:
    return {"eval_time": f"{at}m", "alertname": name, "exp_alerts": []}


def fires(name: str, at: int, labels: Mapping[str, str]) -> dict[str, Any]:
    rule = ALERTS[name]
    alert = {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": rule["annotations"]}
    return {"eval_time": f"{at}m", "alertname": name, "exp_alerts": [alert]}


@pytest.mark.servers
def test_prometheus_takes_the_rules():
    assert "rules found" in promtool("check", "rules", "--lint-fatal", *map(str, RULES))


def test_every_alert_has_a_case():
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.servers
def test_an_alert_is_quiet_until_its_cause_and_fires_upon_it(tmp_path, name):
    case = CASES[name]

    checks = [quiet(name, case.quiet_at), fires(name, case.fires_at, case.labels)]

    promtool("test", "rules", write_test(tmp_path / "case.yml", case, checks))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.servers
def test_each_of_two_installations_has_alerts_of_its_own(tmp_path, name):
    """Prometheus tells them apart by `namespace`; what is counted in one is no excuse for the other."""
    case, rule = CASES[name], ALERTS[name]
    both = {
        series.replace("{", f'{{namespace="{namespace}", '): values
        for namespace in ("one", "two")
        for series, values in case.series.items()
    }
    alerts = [
        {
            "exp_labels": {**rule["labels"], **case.labels, "namespace": namespace},
            "exp_annotations": rule["annotations"],
        }
        for namespace in ("one", "two")
    ]

    checks = [quiet(name, case.quiet_at), {"eval_time": f"{case.fires_at}m", "alertname": name, "exp_alerts": alerts}]

    promtool("test", "rules", write_test(tmp_path / "case.yml", case._replace(series=both), checks))


@pytest.mark.servers
def test_where_nothing_is_deployed_one_alert_says_so(tmp_path):
    name = "TaptrailProcessMissing"
    case = Case({f"up{{{PROMETHEUS}}}": "1x40"}, 0, 18)

    promtool("test", "rules", write_test(tmp_path / "case.yml", case, [fires(name, case.fires_at, {})]))


@pytest.mark.servers
def test_one_failed_visit_of_a_quiet_night_wakes_nobody(tmp_path):
    name = "TaptrailAvailabilityBudgetBurns"

    case = Case(visits("0x200 1x60", "0+2x400"), 0, 0)

    promtool("test", "rules", write_test(tmp_path / "case.yml", case, [quiet(name, at) for at in range(190, 230)]))


@pytest.mark.servers
def test_a_moments_backlog_wakes_nobody_and_an_outage_does_before_the_pod_is_evicted(tmp_path):
    """10 GiB (k8s/base/edge.yaml) at 5,000 clicks/s: the first alert comes when seven eighths are still free."""
    grows = {'taptrail_spool_bytes{job="edge", instance="e"}': "8388608x30 0+115200000x100"}
    labels = {"job": "edge", "instance": "e"}
    full_at = 31 + 10 * GIB // 115_200_000

    checks = [quiet("TaptrailSpoolFullSoon", 30), fires("TaptrailSpoolFullSoon", full_at - 70, labels)]

    promtool("test", "rules", write_test(tmp_path / "case.yml", Case(grows, 0, 0), checks))


def test_the_alert_on_the_spool_knows_what_a_pod_may_have():
    (limit,) = re.findall(r"sizeLimit: (\d+)Gi", (ROOT / "k8s/base/edge.yaml").read_text())

    (threshold,) = re.findall(r"> (\d+)", ALERTS["TaptrailSpoolFilling"]["expr"])

    assert int(threshold) == int(limit) * GIB // 4
    assert f"> {int(limit) * GIB}" in ALERTS["TaptrailSpoolFullSoon"]["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_its_entry_in_the_runbook(name):
    rule = ALERTS[name]
    headings = re.findall(r"^## (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)

    path, _, anchor = rule["annotations"]["runbook_url"].partition("#")

    assert path == "docs/runbook.md"
    assert anchor in headings
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_rules_ask_for_metrics_that_exist_and_records_that_are_made():
    rules = all_rules()
    records = {rule["record"] for rule in rules if "record" in rule}

    asked = {name for rule in rules for name in metrics_in(rule["expr"])}
    recorded = {name for rule in rules for name in re.findall(r"taptrail:[\w:]+", rule["expr"])}

    assert asked - metrics_in_code() == set()
    assert recorded == records


def test_prometheus_scrapes_the_jobs_that_alerts_name():
    config = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())

    assert {job["job_name"] for job in config["scrape_configs"]} == set(PROCESSES)


@pytest.mark.parametrize(("file", "command"), [("prometheus.yml", "config"), ("rules/taps.yml", "rules")])
@pytest.mark.servers
def test_the_probe_of_the_page_is_one_that_prometheus_takes(tmp_path, file, command):
    page = (ROOT / "docs/metrics.md").read_text()
    (block,) = re.findall(rf"```yaml\n# {file}\n(.*?)```", page, re.DOTALL)
    (tmp_path / "given.yml").write_text(block)

    assert "SUCCESS" in promtool("check", command, str(tmp_path / "given.yml"))
