"""What an edge does with its stream, over a Redis in memory."""

import pytest

from records.click import Frame, frames_in
from tests.model.world import World


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    with world.loop.running():
        yield world
        world.close()


def shipped(world, seq):
    """As soon as the edge has sent the lane up to there."""
    progress = world.edges[0].lanes.shippers()[0].progress
    for _ in range(100):
        if progress.shipped == seq:
            return
        world.go()
    raise AssertionError(f"shipped up to {progress.shipped}, not {seq}")


def test_an_edge_looks_at_its_stream_again_when_it_has_another_connection(world):
    """It may lead to a replica that lacks the latest clicks, and nothing was on its way when the connection changed."""
    world.start_edge()
    world.tap(0)
    shipped(world, 1)
    world.copy_redis()
    world.tap(0)
    shipped(world, 2)
    assert world.at_redis == []
    world.promote_replica()

    world.tap(0)
    shipped(world, 3)

    entries = world.redis.data.streams[world.edges[0].lane].entries.values()
    frames = [frame for data in entries for frame in frames_in(data) if isinstance(frame, Frame)]
    assert [(frame.first_seq, frame.last_seq) for frame in frames] == [(1, 1), (2, 2), (3, 3)]
