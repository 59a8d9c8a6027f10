"""Brings the lists of machines up to date that visitors/ carries: patterns of public packages, and where they are from.

    python -m loadtest.agents.update [--into .agents]

Then raise CLASSIFIER_VERSION in visitors/classify.py and make the tables again (python -m loadtest.agents.table).
"""

import argparse
import datetime
import json
import re
from pathlib import Path

import msgspec

from loadtest.agents.packages import Package, newest, unpacked
from visitors.lists import MachineList

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

    lists = [_carried(published(client, name, newest(client, name), into)) for client, name in _SOURCES]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(msgspec.to_builtins(lists), indent=1) + "\n")
    for each in lists:
        print(f"{each.name} {each.version}: {len(each.patterns)} patterns")


def published(client: str, name: str, version: str, into: Path) -> MachineList:
    """A list with all its patterns, as `re` reads them; raises re.error for one that it does not."""
    licence, patterns = _READ[name](unpacked(Package(client, name, version, ""), into))
    compilable = [_as_python_reads(pattern) for pattern in patterns]
    for pattern in compilable:
        re.compile(pattern)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    source = f"{client} package {name}"
    return MachineList(name, source, version, licence, today, name in _IGNORING_CASE, compilable)


def _carried(machines: MachineList) -> MachineList:
    """A list without what people's browsers write too."""
    left_out = {_as_python_reads(pattern) for pattern in NOT_MACHINES[machines.name]}
    named = [pattern for pattern in machines.patterns if pattern not in left_out and _WORD.search(pattern)]
    return msgspec.structs.replace(machines, patterns=named)


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


_SOURCES = (("npm", "isbot"), ("pip", "crawler-user-agents"))
_READ = {"isbot": _isbot, "crawler-user-agents": _crawler_user_agents}
_IGNORING_CASE = frozenset({"isbot"})

if __name__ == "__main__":
    main()
