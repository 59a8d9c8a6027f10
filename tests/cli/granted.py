"""python -m tests.cli.granted FOLDER PORT: ClickHouse with a user for each process, who may what docs/deploy.md grants.

The password of each is its name.
"""

import re
import sys
from pathlib import Path

from stack.clickhouse.serving import serve
from stack.clickhouse.users import User

ROOT = Path(__file__).parents[2]
# Rows go in and out of the embedded engine through files, which a server does not ask for.
_OF_THE_ENGINE = ["FILE ON *.*"]


def grants() -> dict[str, list[str]]:
    """User -> grants, from the page."""
    page = (ROOT / "docs/deploy.md").read_text().partition("<!-- clickhouse-users")[2]
    found: dict[str, list[str]] = {user: [] for user in re.findall(r"^CREATE USER (\w+) ", page, re.MULTILINE)}
    for granted, user in re.findall(r"^GRANT (.+) TO (\w+);$", page, re.MULTILINE):
        found[user].append(granted)
    return found


if __name__ == "__main__":
    roles = {user: granted + _OF_THE_ENGINE for user, granted in grants().items()}
    users = [User(name, name, name) for name in roles]
    serve(
        Path(sys.argv[1]), users, "127.0.0.1", int(sys.argv[2]), max_memory_bytes=1 << 30, max_body_bytes=1 << 28,
        roles=roles,
    )  # fmt: skip
