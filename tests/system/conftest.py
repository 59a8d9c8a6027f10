"""What the tests of the whole system run on."""

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path) -> Iterator[Stack]:
    """`taptrail up` of this test alone."""
    running = Stack(tmp_path)
    yield running
    running.stop()
