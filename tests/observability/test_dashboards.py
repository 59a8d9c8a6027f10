"""Every panel of every dashboard asks something that its data source can answer."""

import re
import runpy

import pytest
import yaml

from runtime.clickhouse import ClickHouse
from tests.observability.rules import ROOT, all_rules, metrics_in, metrics_in_code, promtool

GRAFANA = ROOT / "observability/grafana"
SCRIPT = runpy.run_path(str(GRAFANA / "dashboards.py"))
TARGETS = [target for one in SCRIPT["DASHBOARDS"].values() for panel in one["panels"] for target in panel["targets"]]
EXPRESSIONS = [target["expr"] for target in TARGETS if "expr" in target]
QUERIES = [target["rawSql"] for target in TARGETS if "rawSql" in target]


def test_the_dashboards_are_what_the_script_writes():
    """After a change in observability/grafana/dashboards.py: make dashboards."""
    there = [path for folder in SCRIPT["FOLDERS"] for path in folder.glob("*.json")]

    assert {path: path.read_text() for path in there} == SCRIPT["written"]()


@pytest.mark.servers
def test_prometheus_understands_every_expression(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(EXPRESSIONS)} rules found" in promtool("check", "rules", str(tmp_path / "panels.yml"))


def test_every_metric_of_a_panel_exists():
    records = {rule["record"] for rule in all_rules() if "record" in rule}

    assert {name for one in EXPRESSIONS for name in metrics_in(one)} - metrics_in_code() == set()
    assert {name for one in EXPRESSIONS for name in re.findall(r"taptrail:[\w:]+", one)} <= records


def test_every_panel_asks_a_data_source_that_grafana_is_given():
    given = yaml.safe_load((GRAFANA / "provisioning/datasources/taptrail.yaml").read_text())["datasources"]

    assert {(one["datasource"]["type"], one["datasource"]["uid"]) for one in TARGETS} == {
        (source["type"], source["uid"]) for source in given
    }


@pytest.mark.parametrize("query", QUERIES)
async def test_clickhouse_answers_every_query_to_an_analyst(clickhouse, analyst_url, query):
    analyst = ClickHouse(analyst_url)
    query = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= now() - toIntervalDay(30) AND \1 <= now()", query)
    try:
        assert await analyst.rows(query, dict) is not None
    finally:
        await analyst.close()
