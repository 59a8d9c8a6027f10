"""The interpreter a benchmark runs on: its contestants are optimised builds, so Python should be one as well."""

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

SYSTEM = Path("/usr/bin")
_ROOT = Path(__file__).parent.parent
_TRIED = "TAPTRAIL_BENCH_INTERPRETER"  # set for the second start, so that there is no third


def described() -> str:
    """Version and kind of build of this interpreter."""
    return f"{sys.version.split()[0]} ({build_of(sys.base_prefix, _options())})"


def build_of(prefix: str, options: str) -> str:
    """How an interpreter was built. Distributions optimise theirs by profile, but leave that out of the options."""
    if prefix == "/usr":
        return "the system's build"
    if "--enable-optimizations" in options:
        return "built with --enable-optimizations"
    return "built without --enable-optimizations"


def better_than(prefix: str, options: str, version: Sequence[int], system: Path = SYSTEM) -> Path | None:
    """The system's interpreter, where that one is optimised, this one is not, and both load the same packages."""
    if not build_of(prefix, options).startswith("built without"):
        return None
    found = system / f"python{version[0]}.{version[1]}"
    return found if found.exists() else None


def run_on_optimised(module: str) -> None:
    """Start this module again on the better interpreter, with the packages of this one; returns where there is none."""
    found = better_than(sys.base_prefix, _options(), sys.version_info)
    if found is None or _TRIED in os.environ:
        return
    own = f"{sys.base_prefix}/lib/"  # its standard library; the other one has its own
    packages = [str(_ROOT), *(entry for entry in sys.path if entry and not entry.startswith(own))]
    environ = {"PYTHONPATH": os.pathsep.join(packages), "PYTHONNOUSERSITE": "1", _TRIED: "1"}
    os.execve(found, [str(found), "-m", module, *sys.argv[1:]], os.environ | environ)


def _options() -> str:
    return str(sysconfig.get_config_var("CONFIG_ARGS"))
