"""The keys and passwords of one data directory: made once, kept for every later start."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_ISLNK

import msgspec


class DamagedCredentials(Exception):
    """One line: the file, what is wrong with it, what to do."""


class Credentials(msgspec.Struct, frozen=True):
    code_key: str  # 32 hex digits; every code ever minted here opens with it alone
    api_key: str  # of every account, and of operators
    writer_password: str
    analyst_password: str
    redis_password: str = ""  # "" in a file from before there was one: it is made and added


def credentials_in(data: Path) -> Credentials:
    """Those of this directory; made, readable by its owner alone, when there are none. Raises DamagedCredentials."""
    path = data / "credentials.json"
    if not path.exists():
        write_private(path, msgspec.json.encode(_made()))
    try:
        credentials = msgspec.json.decode(path.read_bytes(), type=Credentials)
    except msgspec.DecodeError as error:  # never replaced: the key in it opens every link of this directory
        raise DamagedCredentials(
            f"{path} cannot be read: {error}; restore it from a backup, or choose another --data"
        ) from error
    if not credentials.redis_password:
        credentials = msgspec.structs.replace(credentials, redis_password=_made().redis_password)
        write_private(path, msgspec.json.encode(credentials))
    return credentials


def tighten(data: Path) -> None:
    """Take from everybody but their owners what is in a data directory: an earlier version left it readable."""
    for folder, _, files in os.walk(data):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            with suppress(FileNotFoundError):  # a file of a run that is ending
                mode = os.lstat(path).st_mode
                if mode & 0o077 and not S_ISLNK(mode):
                    os.chmod(path, S_IMODE(mode) & ~0o077)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read; whoever reads it sees all of it or what was there before."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def control_keys(environ: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    """The keys of the control process: this directory's own, which may do everything, beside those of the environment.

    The command line uses it, so it stands among the keys of operators too.
    """
    own = {"TAPTRAIL_API_KEYS": f"*:{credentials.api_key}", "TAPTRAIL_OPERATOR_KEYS": credentials.api_key}
    return {name: ",".join(filter(None, (key, environ.get(name)))) for name, key in own.items()}


def _made() -> Credentials:
    return Credentials(
        code_key=secrets.token_hex(16),
        api_key=secrets.token_urlsafe(24),
        writer_password=secrets.token_urlsafe(24),
        analyst_password=secrets.token_urlsafe(24),
        redis_password=secrets.token_urlsafe(24),
    )
