"""Compiles records/machine_code.py, where a C compiler and Python's headers are; says so where they are not.

    python image/compile.py [FOLDER]

Only that file: the others spend their time in functions of Python that are compiled already (docs/decisions/0010).
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "records" / "machine_code.py"
DIRECTIVES = "annotation_typing=False,boundscheck=False,wraparound=False,cdivision=True"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE.parent
    if why := missing():
        print(f"records/machine_code.py is not compiled: {why}. A tap takes more of the CPU then.")
        return 0
    print(f"compiled {compiled(folder)}")
    return 0


def missing() -> str:
    """What compiling lacks on this machine."""
    if not shutil.which("cc"):
        return "there is no C compiler"
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return "" if headers.exists() else f"there is no {headers}"


def compiled(folder: Path) -> Path:
    """The extension module in folder."""
    library = folder / f"machine_code{sysconfig.get_config_var('EXT_SUFFIX')}"
    with tempfile.TemporaryDirectory() as name:
        c_file, built = Path(name) / "machine_code.c", Path(name) / "built.so"
        cython = [sys.executable, "-m", "cython", "-3", "-X", DIRECTIVES, "--module-name", "records.machine_code"]
        subprocess.run([*cython, str(SOURCE), "-o", str(c_file)], check=True)  # noqa: S603 - ours
        compiler = ["cc", "-O2", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}", str(c_file)]
        subprocess.run([*compiler, "-o", str(built)], check=True)  # noqa: S603 - ours
        shutil.move(built, library)
    return library


if __name__ == "__main__":
    sys.exit(main())
