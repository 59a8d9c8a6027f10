"""Brings the lists of machines up to date that visitors/ carries: patterns of public packages, and where they are from.

    python -m loadtest.agents.update [--into .agents]

Then raise CLASSIFIER_VERSION in visitors/classify.py and make the tables again (python -m loadtest.agents.table).
"""

import argparse
import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadtest.agents.packages import Package, newest, unpacked

TARGET = Path("visitors/data/machine_agents.json")
# What people's browsers and web views write too, and what visitors/agents.py says more exactly.
NOT_MACHINES = {
    "isbot": frozenset(
        {
            "browsex",
            "catch",
            "chromeframe",
            "download",
            "firephp",
            "offbyone",
            "optimize",
            "powermarks",
            "radar",
            "sogou",
        }
        | {"tools", r"\b\w+/1\.0;"}
    ),
    "crawler-user-agents": frozenset(
        {
            r"AP3A\.240617\.008",
            "Blackboard",
            "MetaIAB Facebook",
            "Viber",
            "Sogou",
            "Sonic",
            "Fluid",
            r"Code\/1\.",
            r"008\/",
        }
    ),
}
# A pattern without a word fits a form, not a name: visitors/browsers.py says which forms browsers write.
_WORD = re.compile(r"\A(?!\^\[).*[A-Za-z0-9]{2}")
_CLASS = re.compile(r"\[(?:\\.|[^\]\\])+\]")
_NO_RANGE = re.compile(r"(\\[dws])-(?!\])")
_ALTERNATIVES = re.compile(r"\(\?<!([^()|]+(?:\|[^()|]+)+)\)")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path(".agents"), help="where packages are unpacked")
    into = parser.parse_args().into
    into.mkdir(exist_ok=True)

    lists = [_list(client, name, read, into) for client, name, read in _SOURCES]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(lists, indent=1) + "\n")
    for each in lists:
        print(f"{each['name']} {each['version']}: {len(each['patterns'])} patterns")


def _list(client: str, name: str, read: Callable[[Path], tuple[str, list[str]]], into: Path) -> dict[str, Any]:
    version = newest(client, name)
    licence, patterns = read(unpacked(Package(client, name, version, ""), into))
    named = [pattern for pattern in patterns if pattern not in NOT_MACHINES[name] and _WORD.search(pattern)]
    compilable = [_as_python_reads(pattern) for pattern in named]
    for pattern in compilable:
        re.compile(pattern)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"name": name, "source": f"{client} package {name}", "version": version, "licence": licence,
            "fetched": today, "ignores_case": name == "isbot", "patterns": compilable}  # fmt: skip


def _as_python_reads(pattern: str) -> str:
    """A JavaScript pattern for `re`: (?<!a|bc) says what (?<!a)(?<!bc) says, [\\d-.] what [\\d\\-.] says."""
    pattern = _CLASS.sub(lambda found: _NO_RANGE.sub(r"\1\-", found[0]), pattern)
    return _ALTERNATIVES.sub(lambda found: "".join(f"(?<!{one})" for one in found[1].split("|")), pattern)


def _isbot(folder: Path) -> tuple[str, list[str]]:
    text = (folder / "package/index.mjs").read_text()
    (patterns,) = re.findall(r"^var patterns_default = (\[.*?^\]);", text, re.M | re.S)
    licence = json.loads((folder / "package/package.json").read_text())["license"]
    return licence, json.loads(patterns)


def _crawler_user_agents(folder: Path) -> tuple[str, list[str]]:
    entries = json.loads((folder / "crawleruseragents/crawler-user-agents.json").read_text())
    licence = json.loads((folder / "crawleruseragents/package.json").read_text())["license"]
    return licence, [entry["pattern"] for entry in entries]


_SOURCES = (("npm", "isbot", _isbot), ("pip", "crawler-user-agents", _crawler_user_agents))

if __name__ == "__main__":
    main()
