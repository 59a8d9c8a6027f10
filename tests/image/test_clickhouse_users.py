"""The users of compose.yaml's ClickHouse, told by the engine itself: what the writer needs, what the analyst cannot."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from aggregator.migrate import SCHEMA, statements
from tests.image.engine import ROOT

# The embedded engine has one user, so the two of the file become roles of it, as in the stack.
_SCRIPT = """
import json, sys
from chdb.session import Session
session = Session(sys.argv[1])
for role, statement in json.load(sys.stdin):
    try:
        session.query(f"SET ROLE {role}")
        session.query(statement)
        answer = ""
    except Exception as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""


def as_roles(users: Path) -> str:
    tree = ET.parse(users)
    root, given = tree.getroot(), tree.find("users")
    roles = ET.SubElement(root, "roles")
    for name in ("taptrail", "analyst"):
        ET.SubElement(roles, name).append(given.find(name).find("grants"))
        given.find(name).remove(given.find(f"{name}/grants"))
    given.find("default").attrib.clear()
    ET.SubElement(ET.SubElement(given.find("default"), "grants"), "query").text = "GRANT taptrail"
    ET.SubElement(given.find("default/grants"), "query").text = "GRANT analyst"
    for name, text in (("password", ""), ("profile", "default"), ("quota", "default")):
        ET.SubElement(given.find("default"), name).text = text
    ET.SubElement(ET.SubElement(given.find("default"), "networks"), "ip").text = "::/0"
    ET.SubElement(root.find("profiles"), "default")
    ET.SubElement(ET.SubElement(root, "quotas"), "default")
    return ET.tostring(root, encoding="unicode")


def asked(folder: Path, questions: list[tuple[str, str]]) -> list[str]:
    """What the engine said to each (role, statement): nothing, or an error."""
    (folder / "users.xml").write_text(as_roles(ROOT / "image/clickhouse/users.xml"))
    (folder / "config.xml").write_text(
        "<clickhouse><access_control_improvements>"
        "<select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>"
        "<table_engines_require_grant>true</table_engines_require_grant>"
        "</access_control_improvements></clickhouse>"
    )
    where = f"{folder}/data?users_config={folder}/users.xml&config-file={folder}/config.xml"
    passwords = {"CLICKHOUSE_WRITER_PASSWORD": "writer", "CLICKHOUSE_ANALYST_PASSWORD": "analyst"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, where], input=json.dumps(questions), env={**os.environ, **passwords},
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def schema() -> list[tuple[str, str]]:
    made = [statement for path in sorted(SCHEMA.glob("*.sql")) for statement in statements(path.read_text())]
    return [("taptrail", statement) for statement in ["CREATE DATABASE taptrail", "USE taptrail", *made]]


def test_the_writer_may_do_what_it_does_and_the_analyst_reads_only(schema, tmp_path):
    allowed = [
        *schema,
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
    ]

    answers = asked(tmp_path, [*allowed, *refused])

    assert [said for said in answers[: len(allowed)] if said] == []
    assert ["ACCESS_DENIED" in said for said in answers[len(allowed) :]] == [True] * len(refused)
