"""The keys and passwords of one data directory: made once, kept for every later start."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec


class DamagedCredentials(Exception):
    """One line: the file, what is wrong with it, what to do."""


class Credentials(msgspec.Struct, frozen=True):
    code_key: str  # 32 hex digits; every code ever minted here opens with it alone
    api_key: str
    writer_password: str
    analyst_password: str


def credentials_in(data: Path) -> Credentials:
    """Those of this directory; made, readable by its owner alone, when there are none. Raises DamagedCredentials."""
    path = data / "credentials.json"
    if not path.exists():
        write_private(path, msgspec.json.encode(_made()))
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except msgspec.DecodeError as error:  # never made anew: the key in it opens every link of this directory
        raise DamagedCredentials(
            f"{path} cannot be read: {error}; restore it from a backup, or choose another --data"
        ) from error


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read; whoever reads it sees all of it or what was there before."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def api_keys(environ: Mapping[str, str], credentials: Credentials) -> tuple[str, str]:
    """(TAPTRAIL_API_KEYS for the control process, the first key in it)."""
    keys = environ.get("TAPTRAIL_API_KEYS") or f"main:{credentials.api_key}"
    return keys, keys.split(",")[0].partition(":")[2].strip()


def _made() -> Credentials:
    return Credentials(
        code_key=secrets.token_hex(16),
        api_key=secrets.token_urlsafe(24),
        writer_password=secrets.token_urlsafe(24),
        analyst_password=secrets.token_urlsafe(24),
    )
