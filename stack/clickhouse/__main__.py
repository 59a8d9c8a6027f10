"""python -m stack.clickhouse: the engine's process. Passwords come by environment, where `ps` does not show them."""

import logging
import os
import sys
from pathlib import Path

import aiohttp.web  # noqa: F401 - reads /etc/mime.types when it is imported, which confine() puts out of reach
import click

from runtime.logs import start_logging
from stack.clickhouse.sandbox import confine
from stack.clickhouse.users import ANALYST, WRITER, User

_USERS = {"TAPTRAIL_CLICKHOUSE_WRITER": WRITER, "TAPTRAIL_CLICKHOUSE_ANALYST": ANALYST}
_USERS_PIPE = "CLICKHOUSE_USERS_FD"
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "TAPTRAIL_LOG_LEVEL")

log = logging.getLogger(__name__)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="directory of the data; created if absent")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8123, show_default=True)
@click.option("--max-memory-bytes", type=int, default=4 << 30, show_default=True)
@click.option("--max-body-bytes", type=int, default=512 << 20, show_default=True)
def main(data: Path, host: str, port: int, max_memory_bytes: int, max_body_bytes: int) -> None:
    """Serve a data directory over ClickHouse's HTTP protocol.

    TAPTRAIL_CLICKHOUSE_WRITER and TAPTRAIL_CLICKHOUSE_ANALYST name the two users, as user:password.
    """
    os.umask(0o077)
    data = data.absolute()
    (data / "tmp").mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if _USERS_PIPE not in os.environ:
        _begin_again_without_secrets(data)
    users = _users_of_pipe()
    start_logging("clickhouse", os.environ.get("TAPTRAIL_LOG_LEVEL", "info"))
    # It writes a traceback for whatever is not HTTP; the server logs faults of its own.
    logging.getLogger("aiohttp.server").setLevel("CRITICAL")
    for missing in confine(data):
        log.warning("engine_not_confined: %s", missing)
    from stack.clickhouse.serving import serve  # noqa: PLC0415 - the engine's threads must begin after confine()

    serve(data, users, host, port, max_memory_bytes=max_memory_bytes, max_body_bytes=max_body_bytes)


def _begin_again_without_secrets(data: Path) -> None:
    """Start this program again with the passwords in a pipe: SQL can read the environment of the engine's process."""
    users = [_user(variable) for variable in _USERS]
    read_end, write_end = os.pipe()
    os.write(write_end, "\n".join(users).encode())
    os.close(write_end)
    os.set_inheritable(read_end, True)
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ |= {_USERS_PIPE: str(read_end), "TMPDIR": str(data / "tmp")}
    os.execve(sys.executable, [sys.executable, "-m", "stack.clickhouse", *sys.argv[1:]], environ)  # noqa: S606


def _user(variable: str) -> str:
    text = os.environ.get(variable, "")
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        sys.exit(f"{variable} is not set as it must be; expected user:password")
    return text


def _users_of_pipe() -> list[User]:
    with open(int(os.environ[_USERS_PIPE]), "rb") as pipe:
        names_and_passwords = [line.partition(":") for line in pipe.read().decode().split("\n")]
    roles = _USERS.values()
    return [User(name, password, role) for (name, _, password), role in zip(names_and_passwords, roles, strict=True)]


if __name__ == "__main__":
    main()
