"""Coverage-guided fuzzing of the targets of tests/fuzz/targets.py, a bounded time each.

python -m tests.chaos.fuzz --seconds 60 --seed 1     what breaks a rule is printed, and kept in .taptrail/fuzz
python -m tests.chaos.fuzz --target frames -- FILE   the same input once more
"""

import argparse
import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

KEPT = Path(".taptrail/fuzz")
MODULES = (
    "edge.visit", "edge.fast.parse", "edge.spool", "edge.spool_repair", "edge.spool_reader",
    "edge.left_behind",
    "records.code", "records.click", "aggregator.decode", "stack.clickhouse.statement",
)  # fmt: skip


def fuzz(name: str, libfuzzer: list[str]) -> None:
    """Run one target in this process until libFuzzer ends it."""
    import atheris  # type: ignore[import-not-found]

    for function in instrumentable():
        atheris.instrument_func(function)
    target = TARGETS[name]
    atheris.Setup([sys.argv[0], *libfuzzer], lambda data: target(bytes(data)))
    atheris.Fuzz()


def instrumentable() -> Iterator[FunctionType]:
    """Every function and method that is written in the modules that read what others send."""
    for module in MODULES:
        for value in vars(importlib.import_module(module)).values():
            if getattr(value, "__module__", "") != module:
                continue
            for one in vars(value).values() if isinstance(value, type) else (value,):
                function = one
                for inner in ("fget", "__func__", "__wrapped__"):  # a property, a class method, what is cached
                    function = getattr(function, inner, function)
                if isinstance(function, FunctionType) and function.__module__ == module:
                    yield function


def run(name: str, seconds: int, seed: int) -> bool:
    """Fuzz one target in a process of its own; whether it kept what it promises."""
    corpus, found = KEPT / name / "corpus", KEPT / name / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={found}/", "-timeout=20",
               "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0", str(corpus)]  # fmt: skip
    command = [sys.executable, "-m", "tests.chaos.fuzz", "--target", name, "--", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 120)
    runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    print(f"{name}: {runs} inputs, {'ok' if done.returncode == 0 else 'BROKEN'}", flush=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], f"the input is in {found}", sep="\n", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("libfuzzer", nargs="*")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        print("SKIPPED: atheris cannot be installed here, nothing was fuzzed by coverage", file=sys.stderr)
        return 0
    if given.libfuzzer:
        fuzz(given.target, given.libfuzzer)
        return 0
    kept = [run(name, given.seconds, given.seed) for name in TARGETS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
