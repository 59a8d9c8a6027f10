import asyncio
import contextlib
from array import array

import pyarrow as pa
from redis.asyncio import Redis

from control.minting.link_columns import LinkColumns, link_rows
from control.minting.link_table import LinkTable
from records.broadcast import Broadcast, decode_broadcast, encode_broadcast
from records.domain import decode_domain
from records.keys import ALLOCATED, BROADCASTS, CACHE_VERSION, broadcast_key, domain_key, slug_key
from runtime.clickhouse import ClickHouse
from tests.support.clickhouse import WRITER
from tests.support.control import DOMAIN, SHOP, contacts, readiness
from tests.support.eventually import eventually, wait_until
from tests.support.processes import free_port
from tests.support.replica import name_leads_to, replica_of


async def test_a_change_made_while_redis_is_away_comes_into_force_when_it_is_back(clickhouse, own_valkey, controls):
    control = controls(own_valkey.url)
    control.broadcast()
    own_valkey.kill()

    stopped = await asyncio.to_thread(control.call, "PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert (stopped.status, stopped.body["type"]) == (503, "/docs#not-in-force")
    assert "taptrail_control_dirty_records 1.0" in control.metrics()
    assert control.call("GET", "/v1/broadcasts/spring").body["stopped"]
    own_valkey.start()
    client = Redis.from_url(own_valkey.url)

    async def in_force():
        return decode_broadcast(await client.get(broadcast_key(0))).stopped

    await eventually(in_force)
    await client.aclose()


async def test_a_change_comes_into_force_on_the_redis_that_the_name_leads_to_now(
    clickhouse, own_valkey, controls, tmp_path
):
    former = Redis.from_url(own_valkey.url)
    control = controls(own_valkey.url)
    control.broadcast()
    async with replica_of(own_valkey, former, tmp_path) as promoted:
        await name_leads_to(promoted, own_valkey, former)

        await asyncio.to_thread(control.call, "PATCH", "/v1/broadcasts/spring", {"stopped": True})

        async def in_force():
            return decode_broadcast(await promoted.get(broadcast_key(0))).stopped

        await eventually(in_force)
    await former.aclose()


async def test_a_change_that_redis_never_got_is_repaired_by_the_next_process(clickhouse, own_valkey, controls):
    control = controls(own_valkey.url)
    control.broadcast()
    own_valkey.kill()
    await asyncio.to_thread(control.call, "PATCH", "/v1/broadcasts/spring", {"stopped": True})
    control.process.kill()
    own_valkey.start()

    controls(own_valkey.url)

    client = Redis.from_url(own_valkey.url)

    async def in_force():
        return decode_broadcast(await client.get(broadcast_key(0))).stopped

    await eventually(in_force)
    await client.aclose()


async def test_without_redis_nothing_is_minted_and_the_answer_says_so(clickhouse, own_valkey, controls):
    control = controls(own_valkey.url)
    control.broadcast()
    own_valkey.kill()

    answer = await asyncio.to_thread(control.mint, contacts(3))

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert await clickhouse.value("SELECT count() FROM links") == 0


async def test_what_redis_lost_is_written_anew(control, redis):
    control.broadcast()
    control.mint(contacts(10))
    control.call("POST", "/v1/links", {"broadcast_id": "spring", "slug": "SALE"})

    await redis.flushall()

    await eventually(lambda: redis.get(CACHE_VERSION), lambda version: version is not None)
    assert int(await redis.get(ALLOCATED)) == 11
    assert int(await redis.get(BROADCASTS)) == 1
    assert decode_domain(await redis.get(domain_key(DOMAIN))).short_domain == DOMAIN
    assert decode_broadcast(await redis.get(broadcast_key(0))).destinations == (SHOP,)
    assert await redis.get(slug_key(DOMAIN, "SALE")) == b"10"


async def test_an_older_version_never_replaces_a_newer_one_in_the_cache(control, redis):
    control.broadcast()
    newer = decode_broadcast(await redis.get(broadcast_key(0)))
    far_ahead = encode_broadcast(Broadcast(0, "main", "spring", DOMAIN, (SHOP,), version=newer.version + 10**9))
    await redis.set(broadcast_key(0), far_ahead)

    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert await redis.get(broadcast_key(0)) == far_ahead


async def test_without_clickhouse_calls_answer_that_it_is_away(redis, valkey_url, controls):
    control = controls(valkey_url, clickhouse_url=f"http://a:b@127.0.0.1:{free_port()}")

    answer = control.call("GET", "/v1/broadcasts/spring")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert "ClickHouse cannot be reached" in answer.body["detail"]
    wait_until(lambda: "clickhouse" in readiness(control)["degraded"][0])
    assert readiness(control)["ready"]


class LosesAnswers:
    """Between a client and ClickHouse: passes an INSERT on and cuts the line instead of its answer, `losses` times."""

    def __init__(self, port, losses):
        self._port, self.losses = port, losses

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        inserting = asyncio.Event()

        async def forward():
            while data := await reader.read(1 << 16):
                if b"INSERT+INTO" in data:
                    inserting.set()
                back.write(data)
                await back.drain()

        sending = asyncio.create_task(forward())
        with contextlib.suppress(ConnectionError):
            while data := await there.read(1 << 16):
                if inserting.is_set() and self.losses:
                    self.losses -= 1
                    break
                inserting.clear()
                writer.write(data)
                await writer.drain()
        sending.cancel()
        writer.close()
        back.close()


async def test_an_insert_whose_answer_was_lost_is_not_made_twice(clickhouse, clickhouse_port):
    broadcast = Broadcast(0, "main", "spring", DOMAIN, (SHOP,))
    zeros = pa.array([0] * 1000)
    links = LinkColumns(
        array("Q", range(1000)),
        pa.array([f"c-{number}" for number in range(1000)]),
        zeros.cast(pa.uint32()),
        zeros.cast(pa.uint16()),
        pa.array([f"code-{number}" for number in range(1000)]),
    )
    rows = link_rows(broadcast, links, 1_790_000_000_000)

    async with LosesAnswers(clickhouse_port, 2) as port:
        through_it = ClickHouse(f"http://{WRITER}@127.0.0.1:{port}")
        await LinkTable(through_it).insert(rows, 0)
        await through_it.close()

    assert await clickhouse.value("SELECT [count(), uniqExact(link_id)] FROM links") == [1000, 1000]


async def test_a_process_told_to_stop_answers_what_it_has_begun(clickhouse, redis, valkey_url, controls):
    control = controls(valkey_url)
    control.broadcast()
    minting = asyncio.create_task(asyncio.to_thread(control.mint, contacts(100_000)))

    await eventually(lambda: clickhouse.value("SELECT count() FROM taptrail_internal.mints"), equals=1)
    assert await asyncio.to_thread(control.stop) == 0

    assert len((await minting).body) == 100_000
