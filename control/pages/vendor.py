"""Fetches ECharts for control/pages/static/vendor, by the package client of npm: python -m control.pages.vendor

Its version and digest stand here. What is fetched is written only if it has that digest; for another version, change
both, and read what its licence says.
"""

import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path

VERSION = "6.1.0"
SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"  # of dist/echarts.min.js
FOLDER = Path(__file__).with_name("static") / "vendor"
FILES = {
    "dist/echarts.min.js": "echarts.min.js",
    "LICENSE": "echarts.LICENSE",  # Apache-2.0, which wants its notice carried along
    "NOTICE": "echarts.NOTICE",
}


def fetch() -> None:
    """Raises SystemExit where the package is not the one that is expected."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"echarts@{VERSION}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - of constants alone
        [package] = Path(folder).glob("*.tgz")
        with tarfile.open(package) as files:
            found = {kept: _read(files, f"package/{name}") for name, kept in FILES.items()}
    if (digest := sha256(found["echarts.min.js"]).hexdigest()) != SHA256:
        raise SystemExit(f"echarts {VERSION} has the digest {digest}, expected {SHA256}; nothing was written")
    for kept, data in found.items():
        (FOLDER / kept).write_bytes(data)


def _read(files: tarfile.TarFile, name: str) -> bytes:
    member = files.extractfile(name)
    if member is None:
        raise SystemExit(f"the package has no {name}; nothing was written")
    return member.read()


if __name__ == "__main__":
    fetch()
