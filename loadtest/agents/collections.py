"""Public collections of user agents of machines and of people, each from a package.

`held_out`: nobody looked at these while rules were written; their figures are what the rules promise.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from loadtest.agents.packages import Package, unpacked

MACHINE, PERSON = "machine", "person"
BROWSERS_START = ("Mozilla/", "Opera/")  # collections of "devices" have programs, typing errors and attacks as well


class Agent(msgspec.Struct, frozen=True):
    """One user agent, and what its collection says of it."""

    text: str
    truth: str  # MACHINE or PERSON
    kind: str = ""  # which kind of machine
    says: dict[str, str] = {}  # columns of a device: what the collection says of them


class Collection(msgspec.Struct, frozen=True):
    name: str
    package: Package
    read: Callable[[Path], Iterator[Agent]]
    held_out: bool


def agents_of(collection: Collection, into: Path) -> list[Agent]:
    """The distinct agents of a collection, in its order."""
    found = {agent.text: agent for agent in collection.read(unpacked(collection.package, into))}
    return list(found.values())


def _crawler_user_agents(folder: Path) -> Iterator[Agent]:
    for entry in json.loads((folder / "crawleruseragents/crawler-user-agents.json").read_text()):
        for text in entry["instances"]:
            yield Agent(text, MACHINE, (entry.get("tags") or [""])[0])


def _matomo(folder: Path) -> Iterator[Agent]:
    """Matomo's test data. People are those whose client is a browser, or an app's view that writes as browsers do."""
    for file in sorted(_the(folder, "device_detector/tests/fixtures/upstream").glob("*.yml")):
        for entry in yaml.load(file.read_text(), yaml.CSafeLoader) or []:
            if isinstance(entry, dict) and (agent := _matomo_agent(entry)):
                yield agent


def _matomo_agent(entry: dict[str, Any]) -> Agent | None:
    text = str(entry.get("user_agent") or "")
    if entry.get("bot"):
        return Agent(text, MACHINE, str(entry["bot"].get("category") or ""))
    client, os, device = (entry.get(name) or {} for name in ("client", "os", "device"))
    if entry.get("headers") or not text.startswith(BROWSERS_START):
        return None
    if client.get("type") not in {"browser", "mobile app"}:
        return None
    says = {
        "device_type": device.get("type"), "device_brand": device.get("brand"), "device_model": device.get("model"),
        "os": os.get("name"), "os_version": os.get("version"),
        "browser": client.get("name"), "browser_version": client.get("version"),
    }  # fmt: skip
    return Agent(text, PERSON, says={column: str(value or "") for column, value in says.items()})


def _crawlerdetect_rest(folder: Path) -> Iterator[Agent]:
    """The half of the people that rules may be written for."""
    return (agent for agent in _all_crawlerdetect(folder) if agent.truth == PERSON and not _kept_apart(agent))


def _crawlerdetect(folder: Path) -> Iterator[Agent]:
    return (agent for agent in _all_crawlerdetect(folder) if agent.truth == MACHINE or _kept_apart(agent))


def _kept_apart(agent: Agent) -> bool:
    return zlib.crc32(agent.text.encode()) % 2 == 0


def _all_crawlerdetect(folder: Path) -> Iterator[Agent]:
    files = _the(folder, "tests/fixtures/user_agent")
    for name, truth in (("crawlers.txt", MACHINE), ("devices.txt", PERSON)):
        for line in (files / name).read_text(errors="replace").splitlines():
            if (line.strip() and truth == MACHINE) or line.startswith(BROWSERS_START):
                yield Agent(line, truth)


def _woothee(folder: Path) -> Iterator[Agent]:
    """`misc` and `UNKNOWN` are libraries and what nobody can tell: neither machines nor people."""
    for file in sorted((folder / "package/woothee/testsets").glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text()):
            category = entry.get("category")
            if entry.get("target") and category not in {"misc", "UNKNOWN"}:
                truth = MACHINE if category == "crawler" else PERSON
                says = {"os": entry.get("os") or "", "browser": entry.get("name") or "", "device_type": category}
                yield Agent(entry["target"], truth, says=says)


def _user_agents(folder: Path) -> Iterator[Agent]:
    for entry in json.loads((folder / "package/dist/user-agents.json").read_text()):
        yield Agent(entry["userAgent"], PERSON, says={"device_type": entry["deviceCategory"]})


def _fake_useragent(folder: Path) -> Iterator[Agent]:
    for line in _the(folder, "src/fake_useragent/data/browsers.jsonl").read_text().splitlines():
        entry = json.loads(line)
        says = {"device_type": entry["type"], "device_brand": entry["device_brand"] or "", "os": entry["os"] or ""}
        says |= {"browser": entry["browser"] or ""}
        yield Agent(entry["useragent"], PERSON, says=says)


def _web_views(folder: Path) -> Iterator[Agent]:
    text = (folder / "package/test/data/webview.js").read_text()
    for match in re.finditer(r'^\s*"(Mozilla/[^"]+)"', text, re.M):
        yield Agent(match[1], PERSON)


def _the(folder: Path, inside: str) -> Path:
    (found,) = folder.glob(f"*/{inside}")
    return found


COLLECTIONS = (
    Collection(
        "crawler-user-agents",
        Package("pip", "crawler-user-agents", "1.67.0", "MIT"),
        _crawler_user_agents,
        held_out=False,
    ),
    Collection(
        "device-detector", Package("pip", "device-detector", "6.5.1", "MIT, data LGPL-3.0"), _matomo, held_out=False
    ),
    Collection("user-agents", Package("npm", "user-agents", "2.1.198", "BSD-2-Clause"), _user_agents, held_out=False),
    Collection("is-ua-webview", Package("npm", "is-ua-webview", "1.1.2", "MIT"), _web_views, held_out=False),
    Collection(
        "crawlerdetect, other half",
        Package("pip", "crawlerdetect", "0.4.2", "MIT"),
        _crawlerdetect_rest,
        held_out=False,
    ),
    Collection("crawlerdetect", Package("pip", "crawlerdetect", "0.4.2", "MIT"), _crawlerdetect, held_out=True),
    Collection("woothee", Package("npm", "woothee", "1.11.1", "Apache-2.0"), _woothee, held_out=True),
    Collection(
        "fake-useragent", Package("pip", "fake-useragent", "2.2.0", "Apache-2.0"), _fake_useragent, held_out=True
    ),
)
