"""What Prometheus is asked for and alerts on is what the processes and observability/ say."""

import re
import runpy

import yaml

from tests.k8s.conftest import K8S, ROOT, Rendered

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
