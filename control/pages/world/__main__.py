"""Makes static/world.svg and world/countries.json, by node and the package client of npm: python -m control.pages.world

Shapes are Natural Earth's, names those that the node at hand gives in English. What is made is kept in the repository.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("d3-geo@3.1.1", "topojson-client@3.1.0", "world-atlas@2.0.2", "i18n-iso-countries@7.14.0")
HERE = Path(__file__).parent
SVG = HERE.parent / "static" / "world.svg"
NAMES = HERE / "countries.json"


def make() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "draw.mjs", folder)
        _run(folder, "npm", "install", "--silent", "--no-save", "--ignore-scripts", *PACKAGES)
        _run(folder, "node", "draw.mjs", str(SVG), str(NAMES))


def _run(folder: str, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - of constants alone


if __name__ == "__main__":
    make()
