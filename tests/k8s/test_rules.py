"""What Prometheus is asked for and alerts on, and what Grafana shows, is what the processes and observability/ say."""

import json
import re
import runpy

import yaml

from tests.support.manifests import K8S, ROOT, Rendered

MONITORING = K8S / "components" / "monitoring"


def test_the_prometheus_rule_is_that_of_the_rules_files(with_components: Rendered):
    """After a change in observability/rules/: make rules."""
    wanted = yaml.safe_load(runpy.run_path(str(MONITORING / "rules.py"))["prometheus_rule"]())

    assert with_components.one("PrometheusRule", "taptrail")["spec"] == wanted["spec"]


def test_alerts_link_to_the_runbook_wherever_it_can_be_read():
    written = yaml.safe_load(runpy.run_path(str(MONITORING / "rules.py"))["prometheus_rule"]("https://wiki.example/t/"))

    links = [rule["annotations"]["runbook_url"] for group in written["spec"]["groups"] for rule in group["rules"]
             if "alert" in rule]  # fmt: skip

    assert links
    assert all(link.startswith("https://wiki.example/t/docs/runbook.md#") for link in links)


def test_aggregators_are_scaled_by_a_metric_that_exists(with_components: Rendered):
    (trigger,) = with_components.one("ScaledObject", "aggregator")["spec"]["triggers"]
    source = "".join((ROOT / process / "metrics.py").read_text() for process in ("edge", "aggregator", "control"))

    asked = re.findall(r"taptrail_\w+", trigger["metadata"]["query"])

    assert asked
    assert all(f'"{name}"' in source for name in asked)
    assert int(trigger["metadata"]["threshold"]) > 0


def test_grafana_finds_every_dashboard_by_its_label(with_components: Rendered):
    found = [one for one in with_components.all("ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    wanted = {path.name for path in (ROOT / "observability/grafana/dashboards").glob("*.json")}

    dashboards = {name: json.loads(text) for one in found for name, text in one["data"].items()}

    assert {one["metadata"]["labels"]["grafana_dashboard"] for one in found} == {"1"}
    assert dashboards.keys() == wanted
    assert all(dashboard["panels"] for dashboard in dashboards.values())


def test_the_page_tells_the_data_sources_that_the_dashboards_ask(with_components: Rendered):
    page = (ROOT / "docs/kubernetes.md").read_text()
    (block,) = re.findall(r"```yaml\n# datasource.yaml\n(.*?)```", page, re.DOTALL)
    secret = yaml.safe_load(block)
    (given,) = yaml.safe_load(secret["stringData"]["taptrail.yaml"])["datasources"]
    compose = yaml.safe_load((ROOT / "observability/grafana/provisioning/datasources/taptrail.yaml").read_text())
    (same,) = [one for one in compose["datasources"] if one["uid"] == "clickhouse"]

    differing = {"host"}
    assert secret["metadata"]["labels"] == {"grafana_datasource": "1"}
    assert (given["uid"], given["type"]) == (same["uid"], same["type"])
    assert {k: v for k, v in given["jsonData"].items() if k not in differing} == {
        k: v for k, v in same["jsonData"].items() if k not in differing
    }
    assert "`prometheus`" in page
