"""Puts files into the place of those in use: whole or not at all, whenever the power fails."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from geodata.checks import built_s

ABOUT = "geo.json"


class About(msgspec.Struct, frozen=True):
    """What geo.json says of a file in its folder."""

    file: str
    source: str
    version: str
    built: datetime
    licence: str
    attribution: str
    sha256: str


class _Abouts(msgspec.Struct, frozen=True):
    files: list[About]


def part_of(file: Path) -> Path:
    """Where a file is made ready, on the same disk."""
    return file.with_name(f"{file.name}.part")


def put_in_place(file: Path) -> None:
    """The part becomes the file. A reader that has the former one open keeps it."""
    with part_of(file).open("rb") as part:
        os.fsync(part.fileno())
    part_of(file).rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def about(file: Path, source: str, version: str, licence: str, attribution: str) -> About:
    built = datetime.fromtimestamp(built_s(file), UTC)
    return About(file.name, source, version, built, licence, attribution, _sha256(file))


def say_about(folder: Path, replaced: list[About]) -> None:
    """Write geo.json; what it says of other files that are there stays."""
    names = {one.file for one in replaced}
    stay = [one for one in said_about(folder) if one.file not in names and (folder / one.file).exists()]
    whole = _Abouts(sorted([*stay, *replaced], key=lambda one: one.file))
    part_of(folder / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n")
    put_in_place(folder / ABOUT)


def said_about(folder: Path) -> list[About]:
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=_Abouts).files
    except (FileNotFoundError, msgspec.MsgspecError):
        return []


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
