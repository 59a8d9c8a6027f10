"""The long tail of machines: patterns of public lists, which visitors/data/machine_agents.json carries. Pure.

`python -m loadtest.agents.update` writes that file; it names source, version, licence and day of each list.
"""

import re
from importlib.resources import files

import msgspec
from ua_parser_rs import UserAgentExtractor

_LOOKS_AROUND = ("(?!", "(?<!")


class MachineList(msgspec.Struct, frozen=True):
    """One public list as it was fetched."""

    name: str
    source: str
    version: str
    licence: str
    fetched: str  # the day, 2026-11-29
    ignores_case: bool
    patterns: list[str]


class Matcher:
    """Finds whether one of a list's patterns fits.

    The extractor of ua-parser looks at some 20 of 1,500 patterns for one agent: 10 us where `re` takes 1,800. It has
    no look-around; a pattern with it goes to `re`, after a word that it needs was found.
    """

    def __init__(self, machines: MachineList) -> None:
        flags = "(?i)" if machines.ignores_case else ""
        around = [pattern for pattern in machines.patterns if any(look in pattern for look in _LOOKS_AROUND)]
        plain = [pattern for pattern in machines.patterns if pattern not in around]
        self._plain = UserAgentExtractor([(flags + pattern, "", None, None, None, None) for pattern in plain])
        self._around = [(needed_word(pattern), re.compile(flags + pattern, re.ASCII)) for pattern in around]

    def fits(self, agent: str) -> bool:
        if self._plain.extract(agent) is not None:
            return True
        lower = agent.lower()
        return any(word in lower and pattern.search(agent) for word, pattern in self._around)


_GROUP = re.compile(r"\((?:[^()]|\([^()]*\))*\)")
_NOT_ALWAYS = re.compile(r"\w[?*]|\[[^\]]*\]|\{[^}]*\}|\\\w")


def needed_word(pattern: str) -> str:
    """The longest word, in lower case, that each string has which the pattern fits; "" where none is sure."""
    always = _NOT_ALWAYS.sub(" ", _GROUP.sub(" ", pattern))
    if "|" in always:
        return ""
    return max(re.findall(r"[a-z]+", always.lower()), key=len, default="")


LISTS = msgspec.json.decode(files("visitors").joinpath("data/machine_agents.json").read_bytes(), type=list[MachineList])
_MATCHERS = [(f"list-{machines.name}", Matcher(machines)) for machines in LISTS]


def list_that_names(agent: str) -> str | None:
    """The reason `list-NAME` of the first public list that takes an agent for a machine's."""
    for reason, matcher in _MATCHERS:
        if matcher.fits(agent):
            return reason
    return None
