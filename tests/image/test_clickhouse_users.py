"""The users of compose.yaml's ClickHouse, told by the engine itself: what each needs, and what it cannot."""

import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from cli.doctor.clickhouse import GRANTS
from tests.image.engine import ROOT
from tests.image.users import USERS, as_one, as_roles, asked, schema

pytestmark = pytest.mark.servers

GRAFANA = ROOT / "observability/grafana"
# clickhouse-go asks for this much more than the timeout of its caller.
CLIENT_S = 5
BACKUP, RESTORE = (
    re.sub(r"'[^']*'\)$", "{})", line)
    for line in re.findall(r'"((?:BACKUP|RESTORE) [^"]*)"', (ROOT / "docs/deploy.md").read_text())
)


def test_the_writer_may_do_what_it_does_and_the_analyst_reads_only(tmp_path):
    allowed = [
        *schema("taptrail"),
        ("taptrail", "INSERT INTO taptrail.links (link_id) SELECT 1"),
        ("taptrail", "KILL QUERY WHERE query_id LIKE 'none%' SYNC"),
        ("taptrail", "SELECT count() FROM system.processes"),
        ("analyst", "SELECT count() FROM taptrail.clicks"),
        ("analyst", "SELECT * FROM taptrail.broadcast_report"),
        ("analyst", "SHOW TABLES FROM taptrail"),
    ]
    refused = [
        ("taptrail", "CREATE TABLE default.other (n UInt8) ENGINE = Memory"),
        ("taptrail", "CREATE USER other"),
        ("taptrail", "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'n UInt8')"),
        ("analyst", "INSERT INTO taptrail.links (link_id) SELECT 2"),
        ("analyst", "TRUNCATE TABLE taptrail.clicks"),
        ("analyst", "DROP TABLE taptrail.clicks"),
        ("analyst", "SELECT * FROM file('/etc/passwd', 'LineAsString')"),
        ("analyst", "SELECT * FROM system.users"),
        ("analyst", "SELECT * FROM taptrail_internal.mints"),
    ]

    answers = asked(tmp_path, as_roles(), [*allowed, *refused])

    assert [said for said in answers[: len(allowed)] if said] == []
    assert ["ACCESS_DENIED" in said for said in answers[len(allowed) :]] == [True] * len(refused)


def test_the_doctor_finds_that_the_writer_may_do_the_work_of_every_process(tmp_path):
    wanted = sorted({grant for grants in GRANTS.values() for grant in grants})

    answers = asked(tmp_path, as_roles(), [("taptrail", f"CHECK GRANT {grant}") for grant in wanted])

    assert dict(zip(wanted, answers, strict=True)) == dict.fromkeys(wanted, "1")


def test_the_grants_that_the_doctor_asks_for_are_enough_for_schema_and_comments(tmp_path):
    commented = [
        ("aggregator", f"ALTER TABLE {table} COMMENT COLUMN `{column}` 'what it means', MODIFY COMMENT 'what it is'")
        for table, column in (("taptrail.clicks", "engaged"), ("taptrail.broadcast_report", "links"),
                              ("taptrail_internal.mints", "links"))
    ]  # fmt: skip
    looked = [
        ("aggregator", f"SELECT throwIf(count() != 3) FROM system.{table} WHERE comment = '{said}'")
        for table, said in (("tables", "what it is"), ("columns", "what it means"))
    ]

    answers = asked(
        tmp_path, as_roles({"aggregator": GRANTS["aggregator"]}), [*schema("aggregator"), *commented, *looked]
    )

    assert [said for said in answers if said] == []


def test_the_operator_backs_up_repairs_and_restores(tmp_path):
    """docs/deploy.md#backups, and what docs/runbook.md asks for. No .zip: this engine cannot."""
    backup, restore = BACKUP.format("'monday'"), RESTORE.format("'monday'")
    questions = [
        *schema("taptrail"),
        ("taptrail", "INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 1, '2026-01-01'), (7, 1, '2026-01-01')"),
        ("taptrail", "INSERT INTO taptrail_internal.begun (owner) SELECT 'a'"),
        ("operator", "CREATE TABLE fixed AS clicks"),
        ("operator", "INSERT INTO fixed SELECT * FROM clicks WHERE toYYYYMM(clicked_at) = 202601 LIMIT 1 BY lane, seq"),
        ("operator", "ALTER TABLE clicks REPLACE PARTITION 202601 FROM fixed"),
        ("operator", "DROP TABLE fixed"),
        ("operator", "ALTER TABLE clicks MATERIALIZE PROJECTION per_lane"),
        ("operator", "SYSTEM STOP MERGES taptrail.clicks"),
        ("operator", "SYSTEM START MERGES taptrail.clicks"),
        *(("operator", f"SELECT count() FROM system.{name}") for name in ("parts", "merges", "detached_parts")),
        ("operator", backup),
        ("operator", "DROP DATABASE taptrail"),
        ("operator", "DROP DATABASE taptrail_internal"),
        ("operator", restore),
        ("operator", "SELECT throwIf(count() != 1) FROM taptrail.clicks"),
        ("operator", "SELECT throwIf(count() != 1) FROM taptrail_internal.begun"),
    ]
    refused = [
        ("taptrail", backup),
        ("taptrail", "SYSTEM START MERGES taptrail.clicks"),
        ("analyst", backup),
        ("operator", "CREATE USER other"),
        ("operator", "SELECT * FROM file('/etc/passwd', 'LineAsString')"),
        ("operator", "CREATE TABLE default.other (n UInt8) ENGINE = MergeTree ORDER BY n"),
    ]

    answers = asked(tmp_path, as_roles(), [*questions, *refused])

    assert [said for said in answers[: len(questions)] if said] == []
    assert ["ACCESS_DENIED" in said for said in answers[len(questions) :]] == [True] * len(refused)


def test_the_operator_is_reached_from_inside_the_container_alone():
    networks = ET.parse(USERS).find("users/operator/networks")

    assert [one.text for one in networks] == ["127.0.0.1", "::1"]


@pytest.fixture(scope="module")
def with_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data in which the writer has made the schema."""
    folder = tmp_path_factory.mktemp("schema")
    assert set(asked(folder, as_roles(), schema("taptrail"))) == {""}
    return folder


def test_grafana_never_asks_for_more_time_than_an_analyst_gets():
    highest = int(ET.parse(USERS).findtext("profiles/analyst/constraints/max_execution_time/max"))
    (clickhouse,) = [
        source
        for source in yaml.safe_load((GRAFANA / "provisioning/datasources/taptrail.yaml").read_text())["datasources"]
        if source["type"] == "grafana-clickhouse-datasource"
    ]

    assert int(clickhouse["jsonData"]["queryTimeout"]) + CLIENT_S <= highest


def test_every_panel_is_answered_within_the_limits_of_an_analyst(with_schema):
    dashboards = runpy.run_path(str(GRAFANA / "dashboards.py"))["DASHBOARDS"].values()
    panels = [target["rawSql"] for one in dashboards for panel in one["panels"] for target in panel["targets"]
              if "rawSql" in target]  # fmt: skip
    filtered = [re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= now() - 86400 AND \1 <= now()", one) for one in panels]

    answers = asked(
        with_schema,
        as_one("analyst"),
        [("", "USE taptrail"), *(("", f"{one} SETTINGS max_execution_time = 55") for one in filtered),
         ("", "SELECT 1 SETTINGS max_execution_time = 64"), ("", "SELECT 1 SETTINGS max_threads = 2")],
    )  # fmt: skip

    assert len(panels) >= 6
    assert answers[:-2] == [""] * (len(panels) + 1)
    assert ["SETTING_CONSTRAINT_VIOLATION" in said for said in answers[-2:]] == [True, True]
