"""The disk of the spool full, read-only, damaged or shared: taps go on, and what became of each click is known."""

import asyncio
import json
import os
import resource
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress

import pytest

from accounting.ledger import read_ledger
from records.click import Frame, frames_in
from records.keys import LANES
from tests.chaos.checks import check_books, check_each_click_once, check_nothing_is_amiss, rows_of
from tests.chaos.syscalls import failing, needs_strace
from tests.support.aggregator import Aggregator
from tests.support.disks import small_disk
from tests.support.edge import Edge, cache, cipher, store
from tests.support.eventually import eventually

LINKS = range(100)
NOWHERE = "redis://127.0.0.1:1/0"


class ForgetfulEdge(Edge):
    """Holds some fifty clicks in memory, where a real one holds 32 MiB of them."""

    command = ("-m", "tests.support.edge_process", "--max-unspooled-bytes=10000")


class PiecemealEdge(Edge):
    """Begins a new segment with every record."""

    command = ("-m", "tests.support.edge_process", "--segment-bytes=1")


@contextmanager
def no_space(edge, spool):
    """A file system of 1 MB, filled to its last byte: ENOSPC."""
    filler = spool.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            while _takes(file, size):
                pass
    yield
    filler.unlink()


def _takes(file, size):
    try:
        return file.write(bytes(size)) == size
    except OSError:
        return False


@contextmanager
def too_large(edge, spool):
    """A limit on the size of files, as a quota is: what does not fit whole gets through in part, then EFBIG."""
    _, most = resource.prlimit(edge.process.pid, resource.RLIMIT_FSIZE)
    size = max(path.stat().st_size for path in spool.glob("*/*.spool"))
    resource.prlimit(edge.process.pid, resource.RLIMIT_FSIZE, (size + 100, most))
    yield
    with suppress(ProcessLookupError):  # it may have ended meanwhile
        resource.prlimit(edge.process.pid, resource.RLIMIT_FSIZE, (most, most))


@contextmanager
def read_only(edge, spool):
    """As a file system is after an error of its disk: EROFS for what is open already."""
    needs_strace()
    (segment,) = spool.glob("*/*.spool")
    fault = failing(edge.process.pid, "write", "EROFS", segment)
    yield
    fault.lift()


@pytest.fixture
def disk(request, tmp_path):
    """The folder of the edges; a small file system where the fault is that it is full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param is not no_space:
        yield request.param, folder
        return
    with small_disk(folder, "1m"):
        yield request.param, folder


@pytest.fixture
async def edges(redis, clickhouse, valkey_url, clickhouse_url):
    """Starts edges whose links are in both stores."""
    await cache(redis, LINKS)
    await store(clickhouse, LINKS)
    started = []

    def start(folder, kind=Edge, redis_url=valkey_url, **settings):
        started.append(kind(redis_url, clickhouse_url, folder, **settings))
        return started[-1]

    yield start
    for edge in started:
        edge.kill()


@pytest.fixture
async def aggregator(redis, clickhouse):
    aggregator = Aggregator(redis, clickhouse)
    async with moving(aggregator):
        yield aggregator


@asynccontextmanager
async def moving(aggregator):
    running = [asyncio.create_task(aggregator.leases.keep_renewing()), asyncio.create_task(aggregator.pipeline.run())]
    yield
    aggregator.stop()
    await running[1]
    running[0].cancel()


FAULTS = pytest.mark.parametrize("disk", [no_space, too_large, read_only], indirect=True, ids=lambda one: one.__name__)


@FAULTS
@pytest.mark.usefixtures("aggregator")
async def test_a_disk_that_takes_nothing_costs_no_tap_and_no_click(edges, disk, clickhouse, redis):
    fault, folder = disk
    edge = await asyncio.to_thread(edges, folder)
    await tap_all(edge)

    with fault(edge, folder / "spool"):
        await tap_all(edge)
        held = await asyncio.to_thread(edge.metric, "taptrail_unspooled_bytes")
        said = await asyncio.to_thread(degraded, edge)
    await tap_all(edge)

    assert held > 0
    assert [one for one in said if one.startswith("spool:")]
    await settled(edge)
    await check_nothing_is_amiss(redis, clickhouse, 300)
    assert await asyncio.to_thread(degraded, edge) == []
    assert await asyncio.to_thread(edge.metric, "taptrail_clicks_unrecorded_total") == 0


@pytest.mark.parametrize("error", ["EROFS", "EACCES"])
@pytest.mark.usefixtures("aggregator")
async def test_a_disk_on_which_no_segment_can_be_begun_costs_no_tap_and_no_click(edges, tmp_path, clickhouse, error):
    needs_strace()
    edge = await asyncio.to_thread(edges, tmp_path, PiecemealEdge)
    await tap_all(edge)
    (lane,) = (tmp_path / "spool").iterdir()

    fault = failing(edge.process.pid, "openat", error, lane / f"{101:020d}.spool")
    await tap_all(edge)
    held = await asyncio.to_thread(edge.metric, "taptrail_unspooled_bytes")
    said = await asyncio.to_thread(degraded, edge)
    fault.lift()
    await tap_all(edge)

    assert held > 0
    assert [one for one in said if one.startswith("spool:")]
    await settled(edge)
    await check_each_click_once(clickhouse, 300)


@pytest.mark.parametrize("disk", [too_large], indirect=True, ids=lambda one: one.__name__)
@pytest.mark.usefixtures("aggregator")
async def test_what_neither_disk_nor_memory_takes_is_counted(edges, disk, clickhouse, redis):
    fault, folder = disk
    edge = await asyncio.to_thread(edges, folder, ForgetfulEdge)
    await tap_all(edge)

    with fault(edge, folder / "spool"):
        await tap_all(edge)
        held = await asyncio.to_thread(edge.metric, "taptrail_unspooled_bytes")
    await tap_all(edge)

    assert 0 < held <= 10_000
    await settled(edge)
    unrecorded = int(await asyncio.to_thread(edge.metric, "taptrail_clicks_unrecorded_total"))
    assert 0 < unrecorded < 100
    await check_each_click_once(clickhouse, 300 - unrecorded)
    (state,) = await eventually(
        lambda: lane_states(redis), lambda states: [state["shipped"] for state in states] == [300 - unrecorded]
    )
    assert (state["answered"], state["spooled"], state["unrecorded"]) == (300, 300 - unrecorded, unrecorded)
    ledger = await read_ledger(redis, clickhouse)
    assert (ledger.gap, ledger.lost, ledger.waiting) == (unrecorded, 0, 0)

    assert await asyncio.to_thread(edge.stop) == 0

    await forgotten(redis)
    ledger = await read_ledger(redis, clickhouse)
    assert (ledger.gap, ledger.lost) == (0, unrecorded)


@pytest.mark.parametrize("disk", [too_large], indirect=True, ids=lambda one: one.__name__)
@pytest.mark.parametrize("is_behind", [False, True], ids=["all else has arrived", "the aggregator is behind"])
async def test_what_waits_in_memory_when_an_edge_stops_is_on_record_as_lost(edges, disk, clickhouse, redis, is_behind):
    fault, folder = disk
    edge = await asyncio.to_thread(edges, folder, TAPTRAIL_DRAIN_S="1")
    aggregator = Aggregator(redis, clickhouse)
    await tap_all(edge)
    with fault(edge, folder / "spool"):
        await tap_all(edge)
        held = 200 - await asyncio.to_thread(spooled_clicks, folder / "spool")

        async with nullcontext() if is_behind else moving(aggregator):
            assert await asyncio.to_thread(edge.stop) == 0

    lines = [json.loads(line) for line in edge.log.read_text().splitlines()]
    assert [line["clicks"] for line in lines if line["event"] == "clicks_unspooled_lost"] == [held]
    if is_behind:
        ledger = await read_ledger(redis, clickhouse)
        assert (ledger.answered, ledger.pending, ledger.waiting, ledger.gap) == (200, 200 - held, 0, held)
        await asyncio.to_thread(edges, folder)
    async with moving(Aggregator(redis, clickhouse)):
        await over(folder / "spool", lanes=int(is_behind))
        await forgotten(redis, lanes=int(is_behind))
    await check_each_click_once(clickhouse, 200 - held)
    ledger = await read_ledger(redis, clickhouse)
    assert (ledger.gap, ledger.lost) == (0, held)


@pytest.mark.usefixtures("aggregator")
async def test_of_a_spool_with_a_flipped_bit_arrives_what_can_be_read_and_the_rest_is_counted(
    edges, tmp_path, clickhouse, redis
):
    await asyncio.to_thread(left_by_a_dead_edge, edges, tmp_path)
    (segment,) = (tmp_path / "spool").glob("*/*.spool")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)

    await asyncio.to_thread(edges, tmp_path)

    rows = await all_in(clickhouse, 100)
    assert rows.rows == rows.distinct == rows.projected
    assert 1 <= rows.dead <= 3
    await check_books(redis, clickhouse)


@pytest.mark.usefixtures("aggregator")
async def test_of_a_record_torn_at_the_end_nothing_arrives_and_all_before_it_does(edges, tmp_path, clickhouse, redis):
    await asyncio.to_thread(left_by_a_dead_edge, edges, tmp_path)
    (segment,) = (tmp_path / "spool").glob("*/*.spool")
    with segment.open("ab") as file:
        file.write(segment.read_bytes()[:100])

    successor = await asyncio.to_thread(edges, tmp_path)

    await over(tmp_path / "spool")
    await settled(successor)
    await check_nothing_is_amiss(redis, clickhouse, 100)


async def test_after_a_power_cut_what_only_redis_has_arrives_and_what_nobody_has_is_known(
    edges, tmp_path, redis, clickhouse
):
    edge = await asyncio.to_thread(edges, tmp_path)
    await tap_all(edge)
    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_clicks_waiting"), equals=0)
    edge.kill()
    (lane,) = await redis.hkeys(LANES)
    (segment,) = (tmp_path / "spool").glob("*/*.spool")
    os.truncate(segment, segment.stat().st_size // 3)  # the disk had not written the rest
    report = json.loads(await redis.hget(LANES, lane))
    await redis.hset(LANES, lane, json.dumps(report | {"answered": 107}))  # seven reached neither

    await asyncio.to_thread(edges, tmp_path)
    await eventually(
        lambda: redis.hget(LANES, lane), lambda text: json.loads(text)["updated_at_ms"] != report["updated_at_ms"]
    )
    aggregator = Aggregator(redis, clickhouse)
    async with moving(aggregator):
        await over(tmp_path / "spool")
        await forgotten(redis, lanes=1)

    await check_each_click_once(clickhouse, 100)
    ledger = await read_ledger(redis, clickhouse)
    assert (ledger.inserted, ledger.lost, ledger.gap) == (100, 7, 0)
    assert aggregator.takeover.clicks_lost == 7


@pytest.mark.usefixtures("aggregator")
async def test_of_two_edges_that_start_at_once_one_adopts_what_a_dead_one_left(edges, tmp_path, clickhouse, redis):
    await asyncio.to_thread(left_by_a_dead_edge, edges, tmp_path)

    with ThreadPoolExecutor(2) as at_once:  # its threads live as long as the edges: a process ends with its thread
        await asyncio.to_thread(lambda: list(at_once.map(lambda _: edges(tmp_path), range(2))))
        await over(tmp_path / "spool", lanes=2)

    await check_nothing_is_amiss(redis, clickhouse, 100)
    assert (tmp_path / "edge.log").read_text().count('"event":"lane_adopted"') == 1


@pytest.mark.usefixtures("aggregator")
async def test_a_spool_directory_with_foreign_files_keeps_them_and_ships_its_lanes(edges, tmp_path, clickhouse, redis):
    await asyncio.to_thread(left_by_a_dead_edge, edges, tmp_path)
    spool = tmp_path / "spool"
    foreign = [spool / "lost+found", spool / "notes.txt", spool / "0123456789abcdef", spool / ".new-notes"]
    foreign[0].mkdir()
    for path in foreign[1:]:
        path.write_text("not ours")

    await asyncio.to_thread(edges, tmp_path)

    await over(spool, lanes=len(foreign) + 1)
    await check_nothing_is_amiss(redis, clickhouse, 100)
    assert all(path.exists() for path in foreign)


async def tap_all(edge):
    """Every link once, each redirected."""

    def tap():
        return [edge.get("/" + cipher.seal(link_id)).status for link_id in LINKS]

    assert await asyncio.to_thread(tap) == [302] * 100


def left_by_a_dead_edge(edges, folder):
    """A spool of 100 clicks of which nobody else has heard."""
    edge = edges(folder, redis_url=NOWHERE)
    for link_id in LINKS:
        assert edge.get("/" + cipher.seal(link_id)).status == 302
    edge.kill()


def degraded(edge):
    with urllib.request.urlopen(f"http://127.0.0.1:{edge.ops_port}/readyz") as answer:
        return json.load(answer)["degraded"]


async def settled(edge):
    """All clicks are out of memory and in ClickHouse."""

    def is_settled():
        return edge.metric("taptrail_unspooled_bytes") == 0 == edge.metric("taptrail_clicks_unsettled")

    await eventually(lambda: asyncio.to_thread(is_settled), within_s=40)


async def over(spool, lanes=1):
    """Nothing but the live lanes, and foreign files, is left in the spool."""
    await eventually(lambda: len(list(spool.iterdir())), equals=lanes, within_s=40)


def spooled_clicks(spool):
    frames = (frame for segment in spool.glob("*/*.spool") for frame in frames_in(segment.read_bytes()))
    return sum(frame.count for frame in frames if isinstance(frame, Frame))


async def lane_states(redis):
    return [json.loads(text) for text in await redis.hvals(LANES)]


async def forgotten(redis, lanes=0):
    """Lanes that are over are out of Redis."""
    await eventually(lambda: redis.hlen(LANES), lambda left: left <= lanes)


async def all_in(clickhouse, clicks):
    return await eventually(lambda: rows_of(clickhouse), lambda rows: rows.rows + rows.dead >= clicks, within_s=40)
