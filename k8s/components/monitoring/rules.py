"""Writes rules.yaml, the PrometheusRule of observability/rules/*.yml. `make rules [RUNBOOKS=https://.../]`.

RUNBOOKS: where docs/ can be read, so that an alert links to its entry in the runbook from wherever it is shown.
"""

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "observability" / "rules"


def prometheus_rule(runbooks: str = "") -> str:
    """The manifest, with the groups of all rules files in the order of their names."""
    groups = [
        group for path in sorted(SOURCE.glob("*.yml")) for group in yaml.safe_load(path.read_text()).get("groups", [])
    ]
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        rule["annotations"]["runbook_url"] = runbooks + rule["annotations"]["runbook_url"]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "taptrail"},
        "spec": {"groups": groups},
    }
    return "# Written by `make rules` from observability/rules/.\n" + yaml.safe_dump(
        manifest, sort_keys=False, width=120
    )


if __name__ == "__main__":
    (HERE / "rules.yaml").write_text(prometheus_rule(*sys.argv[1:]))
