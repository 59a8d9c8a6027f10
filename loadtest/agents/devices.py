"""How well devices are read, on public collections that say type, brand, system and browser of their user agents.

    python -m loadtest.agents.devices [--into .agents]

Prints the second table of docs/classification.md: of the agents for which the collection says a column, how many have it
right, and how many of the wrong are left empty.
"""

import argparse
import re
from pathlib import Path

import msgspec

from loadtest.agents.collections import COLLECTIONS, PERSON, Agent, agents_of
from visitors.devices import Device, Devices

_COLUMNS = ("device_type", "device_brand", "os", "os_version", "browser", "browser_version")
_TYPES = {
    **dict.fromkeys(("smartphone", "phablet", "feature phone", "mobilephone", "mobile"), "phone"),
    **dict.fromkeys(("pc", "desktop"), "desktop"),
    **{name: name for name in ("phone", "tablet", "tv", "console", "wearable")},
}
# Names that say the same, whichever way a collection writes them.
_ALIKE = (
    (r"^(mac|os x).*|^macintosh", "mac"), (r"^windows (?!phone|mobile|ce).*|^win(10|7|8|xp|vista)?$", "windows"),
    (r"^(gnu/)?linux.*|ubuntu|debian|fedora", "linux"), (r"^(ipados|iphone|ipad|ipod|ios).*", "ios"),
    (r"^web0?os$", "webos"), (r"^chrome ?os$|^chromeos$", "chromeos"),
    (r" (mobile|webview|browser|devices|ui/wkwebview|ios|lite|mini|beta)\b", ""), (r"^mobile ", ""),
    (r"^samsung internet$", "samsung"), (r"^internet explorer$", "ie"), (r"^microsoft ", ""), (r"^miuibrowser$", "mi"),
    (r"browser$", ""),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path(".agents"), help="where packages are unpacked")
    into = parser.parse_args().into
    into.mkdir(exist_ok=True)

    print("| collection | held out | column | agents | right | empty | wrong |")
    print("|---|---|---|---|---|---|---|")
    for collection in COLLECTIONS:
        agents = [agent for agent in agents_of(collection, into) if agent.truth == PERSON and agent.says]
        held_out = "yes" if collection.held_out else "no"
        for column in _COLUMNS:
            if shares := _shares(agents, column):
                print(f"| {collection.name} | {held_out} | {column} | {shares} |")


def _shares(agents: list[Agent], column: str) -> str:
    said = [(alike(agent.says.get(column, ""), column), agent.text) for agent in agents]
    pairs = [(truth, alike(_read(text, column), column)) for truth, text in said if truth]
    if not pairs:
        return ""
    right = sum(truth == read for truth, read in pairs)
    empty = sum(read == "" for _, read in pairs)
    whole = len(pairs)
    return f"{whole:,} | {right / whole:.1%} | {empty / whole:.1%} | {(whole - right - empty) / whole:.1%}"


def alike(value: str, column: str) -> str:
    """A value as it is compared: of versions the first number, of names what several spellings share."""
    if column == "device_type":
        return _TYPES.get(value, "")
    if column.endswith("version"):
        return value.split(".", maxsplit=1)[0]
    value = value.lower()
    for pattern, replacement in _ALIKE if column != "device_brand" else ():
        value = re.sub(pattern, replacement, value)
    return value.strip()


_devices = Devices()


def _read(text: str, column: str) -> str:
    device: Device = _devices.parse(text)
    return str(msgspec.structs.asdict(device)[column])


if __name__ == "__main__":
    main()
