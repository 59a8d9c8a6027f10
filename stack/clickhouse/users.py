"""The users: a writer, and an analyst who reads within limits. The engine's own grants enforce it."""

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

WRITER, ANALYST = "writer", "analyst"

# Read by the engine at its start. The embedded engine knows one user only, so the two are roles of that user;
# the analyst's has no source grants: file(), url(), remote() and the like are refused by the engine itself.
_USERS = """<clickhouse>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <roles>
        <writer><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></writer>
        <analyst><grants>
            <query>GRANT SELECT, SHOW ON taptrail.*</query>
            <query>GRANT SELECT, SHOW ON information_schema.*</query>
            <query>GRANT SELECT, SHOW ON INFORMATION_SCHEMA.*</query>
        </grants></analyst>
        {roles}
    </roles>
    <users><default>
        <password/><profile>default</profile><quota>default</quota><networks><ip>::/0</ip></networks>
        <grants><query>GRANT writer</query><query>GRANT analyst</query>{granted}</grants>
    </default></users>
</clickhouse>
"""


class User(msgspec.Struct, frozen=True):
    name: str
    password: str
    role: str


class Limits(msgspec.Struct, frozen=True):
    """What one query of the analyst may take; a request may ask for less, never for more."""

    max_execution_time: int = 60  # seconds
    max_memory_usage: int = 1 << 30
    max_result_rows: int = 5_000_000
    max_result_bytes: int = 2 << 30
    max_rows_to_read: int = 5_000_000_000
    max_bytes_before_external_group_by: int = 256 << 20
    max_bytes_before_external_sort: int = 256 << 20
    max_temporary_data_on_disk_size_for_query: int = 4 << 30
    max_threads: int = 1

    def over(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The settings of a query that asked for `wanted`."""
        return {**wanted, **{name: str(_least(wanted.get(name), limit)) for name, limit in self._all().items()}}

    def _all(self) -> dict[str, int]:
        return msgspec.structs.asdict(self)


def _least(wanted: str | None, limit: int) -> int:
    return min(int(wanted), limit) if wanted and wanted.isdigit() and int(wanted) > 0 else limit


def users_options(folder: Path, roles: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The options that make the engine read these users; it reads users_config only together with a config-file.

    roles: more of them, with what each is granted.
    """
    users, config = folder / "users.xml", folder / "config.xml"
    more = [f"<{name}><grants>{_queries(grants)}</grants></{name}>" for name, grants in roles.items()]
    users.write_text(_USERS.format(roles="\n".join(more), granted=_queries(roles)))
    config.write_text("<clickhouse/>\n")
    return {"users_config": str(users), "config-file": str(config)}


def _queries(grants: Iterable[str]) -> str:
    return "".join(f"<query>GRANT {grant}</query>" for grant in grants)


def authenticate(users: list[User], headers: Mapping[str, str], arguments: Mapping[str, str]) -> User | None:
    """The user that a request names with the right password, by header, Basic or parameter; else None."""
    name, password = _credentials(headers, arguments)
    found = None
    for user in users:
        same_name = hmac.compare_digest(user.name.encode(), name.encode())
        if hmac.compare_digest(user.password.encode(), password.encode()) and same_name:
            found = user
    return found


def named_user(headers: Mapping[str, str], arguments: Mapping[str, str]) -> str:
    return _credentials(headers, arguments)[0]


def _credentials(headers: Mapping[str, str], arguments: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers:
        return headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return name, password
    return arguments.get("user", "default"), arguments.get("password", "")
