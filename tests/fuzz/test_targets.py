"""Any bytes: the targets of targets.py under hypothesis, from well-formed inputs that are changed, cut and joined."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.fuzz import instrumentable
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS


def changed(seed: bytes):
    """The seed with bytes replaced, cut anywhere, with bytes behind it."""
    changes = st.lists(st.tuples(st.integers(0, len(seed) - 1), st.binary(min_size=1, max_size=9)), max_size=4)
    return st.builds(_changed, st.just(seed), changes, st.integers(0, len(seed)), st.binary(max_size=40))


def _changed(seed, changes, cut, tail):
    data = bytearray(seed)
    for offset, text in changes:
        data[offset : offset + len(text)] = text
    return bytes(data[: len(data) - cut] if cut % 3 == 0 else data) + tail


def inputs(name):
    mutated = [changed(seed) for seed in SEEDS[name]]
    return st.one_of(st.binary(max_size=400), *mutated, st.tuples(*mutated).map(b"".join))


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_keep_what_the_target_promises(name):
    for data in SEEDS[name]:
        TARGETS[name](data)

    @settings(max_examples=400 if name != "spool" else 120)
    @given(inputs(name))
    def holds(data):
        TARGETS[name](data)

    holds()


def test_coverage_is_measured_in_methods_as_well_as_in_functions():
    names = {f"{function.__module__}.{function.__qualname__}" for function in instrumentable()}

    assert {
        "records.code.CodeCipher.open", "edge.spool.Spool.adopt", "edge.spool_reader.SpoolReader.next",
        "edge.fast.parse.plain_request", "edge.visit.visit_reader", "edge.spool_repair.repaired",
        "stack.clickhouse.statement.parse", "records.click.frames_in", "aggregator.decode.decode",
    } <= names  # fmt: skip
