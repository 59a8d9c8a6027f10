"""The lane protocol under every fault at once: real edges and aggregators over stores in memory, a clock of the test's.

What fails here is a short list of acts; `python -m tests.model.explore` explores for longer.
"""

import logging
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.model.books import Violation
from tests.model.explore import MEMORY_DISK, MOST, explore
from tests.model.weaker import acknowledges_first, as_it_is, inserts_again, trims_by_length
from tests.model.world import FAULTS, World

INTERLEAVINGS = 300
STEPS = 40
which = st.integers(0, MOST - 1)


class LaneProtocol(RuleBasedStateMachine):
    """Each rule is one act; at the end all faults are over, and all clicks have to arrive."""

    weaken = staticmethod(as_it_is)

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY_DISK))
        self.world = World(self.folder, self.weaken)
        self.is_broken = False

    def act(self, name, n):
        try:
            with self.world.loop.running():
                getattr(self.world, name)(n)
        except Violation:
            self.is_broken = True
            raise

    @initialize(edges=st.integers(1, 2), aggregators=st.integers(1, 2))
    def start(self, edges, aggregators):
        for _ in range(edges):
            self.act("start_edge", 0)
        for _ in range(aggregators):
            self.act("start_aggregator", 0)

    @rule(n=which)
    def tap(self, n):
        self.act("tap", n)

    @rule(n=which)
    def go(self, n):
        self.act("go", n)

    @rule(n=which)
    def answer(self, n):
        self.act("answer", n)

    @rule(n=which)
    def pass_time(self, n):
        self.act("pass_time", n)

    @rule(fault=st.sampled_from(FAULTS), n=which)
    def meet(self, fault, n):
        self.act(fault, n)

    def teardown(self):
        try:
            if not self.is_broken:
                with self.world.loop.running():
                    self.world.settle()
        finally:
            with self.world.loop.running():
                self.world.close()
            shutil.rmtree(self.folder)


def interleavings(count, phases=(Phase.generate, Phase.shrink)):
    return settings(
        max_examples=count, stateful_step_count=STEPS, phases=phases, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quiet():
    """A fault a step is a log line a step."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_click_is_in_the_table_once_in_every_interleaving():
    run_state_machine_as_test(LaneProtocol, settings=interleavings(INTERLEAVINGS))


@pytest.mark.parametrize(
    ("weaker", "broken"),
    [
        (acknowledges_first, "is acknowledged and not in the table"),
        (inserts_again, "is in the table 2 times"),
        (trims_by_length, "is trimmed and not in the table"),
    ],
)
def test_a_weaker_aggregator_is_found_out(weaker, broken):
    machine = type("Weaker", (LaneProtocol,), {"weaken": staticmethod(weaker)})

    with pytest.raises(Violation, match=broken):
        run_state_machine_as_test(machine, settings=interleavings(INTERLEAVINGS, (Phase.generate,)))


@pytest.mark.system  # it starts nothing, and takes long
def test_thousands_of_longer_interleavings_break_no_promise():
    explore(MEMORY_DISK, seed=1, count=2_000)
