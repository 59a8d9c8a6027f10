"""Writes the users of Redis and ClickHouse into docs/deploy.md; --check exits with status 1 if they are out of date.

From what `taptrail doctor` looks for: a user has what its process needs, and no more. The others, and the limits of an
analyst, from image/clickhouse/users.xml.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from cli.doctor.clickhouse import GRANTS
from cli.doctor.redis_commands import COMMANDS

PAGE = Path(__file__).with_name("deploy.md")
USERS = Path(__file__).parents[1] / "image/clickhouse/users.xml"
_CONNECTS = ("hello", "ping", "select", "client|setinfo")
_CONTAINERS = {"CLIENT", "XGROUP", "XINFO"}  # commands whose subcommands are allowed one by one


def redis_users() -> str:
    """A line of redis-cli for each process."""
    return "".join(
        f"ACL SETUSER {process} reset on '>...' '~tt:*' {' '.join(f'+{one}' for one in allowed(process))}\n"
        for process in COMMANDS
    )


def allowed(process: str) -> list[str]:
    """Commands, and subcommands of containers, as ACLs name them."""
    sent = [command.split(" ") for commands in COMMANDS[process].values() for command in commands.split("|")]
    names = [f"{one[0]}|{one[1]}" if one[0] in _CONTAINERS else one[0] for one in sent]
    return list(dict.fromkeys([*_CONNECTS, *(name.lower() for name in names)]))


def clickhouse_users() -> str:
    """SQL for each process."""
    return "".join(
        f"CREATE USER {process} IDENTIFIED BY '...';\n"
        + "".join(f"GRANT {grant} TO {process};\n" for grant in GRANTS[process])
        for process in GRANTS
    )


def users_of_compose() -> str:
    """SQL for the profile and the users of image/clickhouse/users.xml."""
    tree = ET.parse(USERS)  # noqa: S314 - a file of this repository
    users = [one for one in tree.iterfind("users/*") if one.find("grants") is not None]
    return _profile(tree) + "".join(_user(user) for user in users)


def _profile(tree: "ET.ElementTree[ET.Element]") -> str:
    settings = []
    for one in tree.iterfind("profiles/analyst/*"):
        limit = tree.find(f"profiles/analyst/constraints/{one.tag}")
        bounds = "" if limit is None else f" MIN {limit.findtext('min')} MAX {limit.findtext('max')}"
        if one.tag != "constraints":
            settings.append(f"{one.tag} = {one.text}{bounds}")
    return "CREATE SETTINGS PROFILE analyst SETTINGS\n    " + ",\n    ".join(settings) + ";\n"


def _user(user: ET.Element) -> str:
    profile = user.findtext("profile")
    settings = f" SETTINGS PROFILE '{profile}'" if profile != "default" else ""
    granted = "".join(f"{query.text} TO {user.tag};\n" for query in user.iterfind("grants/query"))
    return f"CREATE USER {user.tag} IDENTIFIED BY '...'{settings};\n{granted}"


BLOCKS = {
    "redis-users": ("", redis_users),
    "users-of-compose": ("sql", users_of_compose),
    "clickhouse-users": ("sql", clickhouse_users),
}


def page(text: str) -> str:
    """The page with its blocks as they should be; each stands behind its marker."""
    for name, (language, written) in BLOCKS.items():
        before, marker, rest = text.partition(f"<!-- {name}: make users -->\n```{language}\n")
        if not marker:
            sys.exit(f"{PAGE.name} has no place for {name}")
        text = before + marker + written() + "```\n" + rest.partition("```\n")[2]
    return text


if __name__ == "__main__":
    written = page(PAGE.read_text())
    if "--check" not in sys.argv:
        PAGE.write_text(written)
    elif PAGE.read_text() != written:
        sys.exit("the users in docs/deploy.md are not what the doctor looks for: make users")
