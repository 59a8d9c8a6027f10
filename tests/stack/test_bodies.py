"""Compressed bodies: what they grow to is bounded while they grow."""

import io
import tracemalloc
import zlib

import pytest

from stack.clickhouse.bodies import decompress
from stack.clickhouse.errors import ClickHouseError

PLAIN_BYTES = 100 << 20


def test_a_deflated_body_is_refused_before_it_has_grown(tmp_path):
    bomb = io.BytesIO(zlib.compress(bytes(PLAIN_BYTES)))

    tracemalloc.start()
    with pytest.raises(ClickHouseError, match="larger than 1000 bytes"):
        decompress(bomb, "deflate", tmp_path, max_bytes=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < PLAIN_BYTES / 10


@pytest.mark.parametrize("packed", [b"nonsense", zlib.compress(b"1\ta\n" * 9999)[:-9], b""])
def test_a_deflated_body_that_is_broken_or_ends_early_is_refused(tmp_path, packed):
    with pytest.raises(ClickHouseError, match="not deflate"):
        decompress(io.BytesIO(packed), "deflate", tmp_path, max_bytes=1 << 20)
