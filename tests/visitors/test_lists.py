import re
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visitors.cut import MAX_AGENT_BYTES
from visitors.lists import LISTS, MachineList, Matcher, list_that_names, needed_word

FILE = Path("visitors/data/machine_agents.json")


def matcher(*patterns: str, ignores_case: bool = True) -> Matcher:
    return Matcher(MachineList("x", "npm package x", "1.0", "MIT", "2026-11-29", ignores_case, list(patterns)))


def test_each_list_says_where_it_is_from():
    assert [machines.name for machines in LISTS] == ["isbot", "crawler-user-agents"]
    for machines in LISTS:
        assert re.fullmatch(r"(npm|pip) package [\w-]+", machines.source)
        assert re.fullmatch(r"\d+\.\d+\.\d+", machines.version)
        assert machines.licence in {"Unlicense", "MIT"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", machines.fetched)


def test_the_lists_are_small_and_have_no_pattern_twice():
    assert FILE.stat().st_size < 100_000
    for machines in LISTS:
        assert 100 < len(machines.patterns) < 5_000
        assert max(map(len, machines.patterns)) < 200


def test_patterns_with_look_around_fit_as_re_reads_them():
    found = matcher("(?<! channel/)(?<!google/)google(?!wv)", "java(?!;)")

    assert found.fits("x Google y")
    assert found.fits("Java/1.8")
    assert not found.fits("channel/ channel/google")
    assert not found.fits("googlewv")
    assert not found.fits("java;")


def test_letter_case_counts_where_the_list_says_so():
    assert not matcher("Capture", ignores_case=False).fits("capture")
    assert matcher("Capture").fits("CAPTURE")


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("(?<!cam)scan", "scan"),
        ("java(?!;)", "java"),
        (r"(?:^|[^g])news(?!sapphire)", "news"),
        ("(?<!x)a|b", ""),
        ("(?!x)[abc]+", ""),
    ],
)
def test_a_pattern_needs_its_longest_word(pattern, word):
    assert needed_word(pattern) == word


def test_a_pattern_whose_letter_may_be_absent_needs_the_word_before_it():
    assert matcher(r"(?<! cu)bots?(?:\b|_)").fits("a bot_1")


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0 Safari/537.36 Scope3/2.0", "list-crawler-user-agents"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0 Safari/537.36 ScanAll", "list-isbot"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", None),
    ],
)
def test_a_machine_is_named_by_the_first_list_that_knows_it(agent, reason):
    assert list_that_names(agent) == reason


@given(st.text("aA0 ./-_;:()[]|+\\é\x00", min_size=MAX_AGENT_BYTES, max_size=MAX_AGENT_BYTES))
def test_no_agent_keeps_the_lists_busy(agent):
    started = perf_counter()

    list_that_names(agent)

    assert perf_counter() - started < 0.5
