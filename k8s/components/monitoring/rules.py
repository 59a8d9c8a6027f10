"""Writes rules.yaml, the PrometheusRule of observability/rules/*.yml."""

from pathlib import Path

import yaml

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "observability" / "rules"


def prometheus_rule() -> str:
    """The manifest, with the groups of all rules files in the order of their names."""
    groups = [
        group for path in sorted(SOURCE.glob("*.yml")) for group in yaml.safe_load(path.read_text()).get("groups", [])
    ]
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
    (HERE / "rules.yaml").write_text(prometheus_rule())
