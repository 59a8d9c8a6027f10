"""ClickHouse's engine with the users of image/clickhouse/users.xml, asked in a process of its own."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from aggregator.migrate import SCHEMA, statements
from tests.image.engine import ROOT

USERS = ROOT / "image/clickhouse/users.xml"
PASSWORDS = {one.get("from_env", ""): "secret" for one in ET.parse(USERS).iter("password")}

_SCRIPT = """
import json, sys
from chdb.session import Session
session = Session(sys.argv[1])
for role, statement in json.load(sys.stdin):
    try:
        if role:
            session.query(f"SET ROLE {role}")
        said = str(session.query(statement)).strip()
        answer = said if statement.startswith("CHECK GRANT") else ""
    except Exception as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""
# What a server asks of everybody and the engine, left alone, does not.
_AS_A_SERVER = """<access_control_improvements>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <table_engines_require_grant>true</table_engines_require_grant>
    <enable_read_write_grants>true</enable_read_write_grants>
</access_control_improvements>"""


def schema(role: str) -> list[tuple[str, str]]:
    """What an aggregator does at its first start."""
    made = [statement for path in sorted(SCHEMA.glob("*.sql")) for statement in statements(path.read_text())]
    databases = ["CREATE DATABASE taptrail", "CREATE DATABASE taptrail_internal", "USE taptrail"]
    return [(role, statement) for statement in [*databases, *made]]


def as_roles(more: Mapping[str, list[str]] | None = None) -> str:
    """The engine has one user, so those of the file, and more with the grants given, become roles of it."""
    tree = ET.parse(USERS)
    root, given = tree.getroot(), tree.find("users")
    roles, default = ET.SubElement(root, "roles"), _emptied(given.find("default"))
    grants = ET.SubElement(default, "grants")
    for user in [one for one in given if one is not default]:
        ET.SubElement(roles, user.tag).append(user.find("grants"))
        given.remove(user)
    for name, granted in (more or {}).items():
        role = ET.SubElement(ET.SubElement(roles, name), "grants")
        for grant in granted:
            ET.SubElement(role, "query").text = f"GRANT {grant}"
    for role in roles:
        ET.SubElement(grants, "query").text = f"GRANT {role.tag}"
    for name, text in (("password", ""), ("profile", "default"), ("quota", "default")):
        ET.SubElement(default, name).text = text
    ET.SubElement(ET.SubElement(default, "networks"), "ip").text = "::/0"
    return _with_defaults(root)


def as_one(name: str) -> str:
    """One user of the file as the engine's own, with its profile: that a role does not have."""
    tree = ET.parse(USERS)
    root, given = tree.getroot(), tree.find("users")
    default, user = _emptied(given.find("default")), given.find(name)
    default.extend(user)
    default.find("password").attrib.clear()
    for other in [one for one in given if one is not default]:
        given.remove(other)
    return _with_defaults(root)


def asked(folder: Path, users: str, questions: list[tuple[str, str]]) -> list[str]:
    """What the engine said to each (role, statement): nothing, or an error; 1 or 0 to CHECK GRANT. The data stays."""
    (folder / "users.xml").write_text(users)
    (folder / "config.xml").write_text(_config(folder))
    where = f"{folder}/data?users_config={folder}/users.xml&config-file={folder}/config.xml"
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, where], input=json.dumps(questions), env={**os.environ, **PASSWORDS},
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _config(folder: Path) -> str:
    """The disks of image/clickhouse/config.xml, in the folder."""
    root, given = ET.Element("clickhouse"), ET.parse(USERS.with_name("config.xml"))
    root.append(ET.fromstring(_AS_A_SERVER))
    for name in ("storage_configuration", "backups"):
        root.extend(given.findall(name))
    for path in root.iter("path"):
        path.text = f"{folder}{path.text}"
    return ET.tostring(root, encoding="unicode")


def _emptied(default: ET.Element) -> ET.Element:
    default.attrib.clear()  # the file removes it
    return default


def _with_defaults(root: ET.Element) -> str:
    ET.SubElement(root.find("profiles"), "default")
    ET.SubElement(ET.SubElement(root, "quotas"), "default")
    return ET.tostring(root, encoding="unicode")
