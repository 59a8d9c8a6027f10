"""Open pages of a report over real HTTP: what they cost, when they are told, and how they end."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from redis.asyncio import Redis
from starlette.requests import Request

from control.access.given_keys import ApiKeys, OperatorKeys
from control.access.key_ring import KeyRing
from control.access.sessions import Sessions
from control.http.auth import COOKIE, Access
from control.http.problems import Problem
from control.pages.live import AWAY_S, MAX_OF_ACCOUNT, SESSION_LOOK_S, Places, _Session
from control.reports.statements import STATE, VISITS
from control.reports.watched import FRESH_S
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.click_rows import click
from tests.support.control import MAIN
from tests.support.statements import Statements

LIVE = "/reports/spring/live"
STATE, REPORT = STATE.strip(), VISITS.strip()
OF_BROADCAST = "param_id=spring"  # control also looks for changes, whoever has a page open
VIEWERS = 50


class Browser:
    """A signed-in viewer; aiohttp keeps no secure cookie of plain http, so it is sent by hand."""

    def __init__(self, control, client, cookie):
        self._control, self._client, self._headers = control, client, {"Cookie": cookie}

    def get(self, path, **headers):
        return self._client.get(self._control.url + path, headers={**self._headers, **headers})

    @asynccontextmanager
    async def stream(self, path=LIVE, **headers):
        async with self.get(path, **headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            assert await line_of(answer, "retry:")
            yield answer


async def line_of(answer, begins, within_s=8.0):
    """The next line that begins so; None where the stream ends before."""
    async with asyncio.timeout(within_s):
        while line := await answer.content.readline():
            if line.decode().startswith(begins):
                return line.decode().strip()
    return None


@pytest.fixture
async def client():
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None)) as client:
        yield client


async def signed_in(control, client, key=MAIN):
    async with client.post(f"{control.url}/login", data={"key": key}, allow_redirects=False) as answer:
        assert answer.status == 303
        return Browser(control, client, answer.headers["Set-Cookie"].split(";")[0])


async def broadcast_on(control):
    await asyncio.to_thread(control.broadcast, sent_at="2026-09-21T14:13:20Z")
    await asyncio.to_thread(control.mint, [{"contact_id": "c-1"}])


@pytest.fixture
async def noting(clickhouse_url, clickhouse, redis, valkey_url, controls):
    async with Statements(clickhouse_url).noting() as statements:
        control = await asyncio.to_thread(controls, valkey_url, clickhouse_url=statements.url)
        await broadcast_on(control)
        yield control, statements


@asynccontextmanager
async def session_look_ups(redis):
    """How often each session was looked up meanwhile."""
    found = Counter()

    async def count():
        async with redis.monitor() as monitor:
            async for command in monitor.listen():
                found.update(part for part in command["command"].split() if part.startswith("tt:session:"))

    counting = asyncio.create_task(count())
    await asyncio.sleep(0.2)
    yield found
    counting.cancel()


async def test_fifty_viewers_cost_a_query_every_two_seconds_and_few_look_ups_of_sessions(
    noting, redis, clickhouse, client
):
    control, statements = noting
    viewers = [await signed_in(control, client) for _ in range(VIEWERS)]
    async with AsyncExitStack() as open_ones:
        streams = [await open_ones.enter_async_context(viewer.stream()) for viewer in viewers]
        await settled(statements)
        await cost_little(statements, redis)

        statements.noted.clear()
        await click(clickhouse, "c-1")
        told = await asyncio.gather(*(line_of(one, "event: changed", within_s=5.0) for one in streams))
        pages = await asyncio.gather(*(text_of(viewer, "/reports/spring") for viewer in viewers))

    assert told == ["event: changed"] * VIEWERS
    assert all('<span class="value">1</span>' in page for page in pages)
    assert sum(REPORT in statement for statement in statements.noted) == 1
    assert len(statements.noted) < VIEWERS


async def settled(statements):
    """All streams are open, and what was asked for that is answered: for FRESH_S nothing but the state was asked."""
    async with asyncio.timeout(30):
        while True:
            statements.noted.clear()
            await asyncio.sleep(FRESH_S)
            if all(STATE in statement for statement in statements.noted if OF_BROADCAST in statement):
                return


async def cost_little(statements, redis):
    statements.noted.clear()
    async with session_look_ups(redis) as look_ups:
        await asyncio.sleep(3 * FRESH_S)
    asked = Counter(STATE in statement for statement in statements.noted)
    others = [statement for statement in statements.noted if OF_BROADCAST in statement and STATE not in statement]
    assert others == []
    assert 2 <= asked[True] <= 4
    assert look_ups.total() <= VIEWERS  # every SESSION_LOOK_S each


async def text_of(viewer, path):
    async with viewer.get(path) as answer:
        return await answer.text()


async def test_an_account_has_a_bounded_number_of_streams_and_one_that_hangs_up_makes_room(control, client):
    await broadcast_on(control)
    viewer = await signed_in(control, client)
    answers = []
    for _ in range(0, MAX_OF_ACCOUNT + 10, 10):
        answers += await asyncio.gather(*(viewer.get(LIVE) for _ in range(10)))

    assert Counter(answer.status for answer in answers) == {200: MAX_OF_ACCOUNT, 503: 10}, await answers[-1].text()
    refused = next(answer for answer in answers if answer.status == 503)
    assert refused.headers["Retry-After"] == "30"
    assert f"at most {MAX_OF_ACCOUNT} of an account" in await refused.text()
    assert (await text_of(viewer, "/reports/spring")).count("<h1") == 1  # the page itself goes on
    next(answer for answer in answers if answer.status == 200).close()
    async with asyncio.timeout(5):
        while (again := await viewer.get(LIVE)).status != 200:
            await asyncio.sleep(0.1)
    for answer in (*answers, again):
        answer.close()


@pytest.mark.pure
def test_no_account_takes_all_places():
    places = Places(most=5, most_of_account=3)
    for _ in range(3):
        places.take("acme/seattle")

    with pytest.raises(Problem) as raised:
        places.take("acme")
    assert raised.value.status == 503
    places.take("main")
    places.take("main")
    with pytest.raises(Problem):
        places.take("other")
    places.free("acme/seattle")
    places.take("other")


async def test_a_stream_ends_with_its_key(control, client):
    await broadcast_on(control)
    made = await asyncio.to_thread(control.call, "POST", "/v1/keys", {"name": "ann", "scopes": ["report"]})
    viewer = await signed_in(control, client, made.body["key"])

    async with viewer.stream() as stream:
        await asyncio.to_thread(control.call, "DELETE", f"/v1/keys/{made.body['key_id']}")

        assert await line_of(stream, "event:", within_s=4.0) is None  # it has ended


async def test_who_joins_late_is_told_at_once(control, clickhouse, client):
    await broadcast_on(control)
    viewer = await signed_in(control, client)
    seen = (await text_of(viewer, "/reports/spring")).partition('data-live="')[2].partition('"')[0]
    await click(clickhouse, "c-1")
    await asyncio.sleep(FRESH_S)

    async with viewer.stream(f"{LIVE}?seen={seen}") as stream:
        event_id = await line_of(stream, "id: ")
        assert await line_of(stream, "event: changed")
    async with viewer.stream(f"{LIVE}?seen={seen}", **{"Last-Event-ID": event_id[4:]}) as stream:
        with pytest.raises(TimeoutError):
            await line_of(stream, "event: changed", within_s=1.5)


async def test_a_stream_outlives_an_outage_of_clickhouse(
    clickhouse_url, clickhouse, redis, valkey_url, controls, client
):
    async with BlackholeProxy(clickhouse_url).running() as way:
        control = await asyncio.to_thread(controls, valkey_url, clickhouse_url=way.url)
        await broadcast_on(control)
        viewer = await signed_in(control, client)

        async with viewer.stream() as stream:
            way.cut()
            assert await line_of(stream, ": ClickHouse does not answer")
            async with viewer.get("/reports/spring") as answer:
                assert (answer.status, answer.content_type) == (503, "text/html")
            await click(clickhouse, "c-1")
            way.free()
            assert await line_of(stream, "event: changed", within_s=AWAY_S + 6)


async def test_a_head_of_a_stream_follows_nothing(control, client):
    await broadcast_on(control)
    viewer = await signed_in(control, client)

    async with client.head(control.url + LIVE, headers=viewer._headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")


async def test_an_open_page_does_not_hold_up_a_stop(valkey_url, redis, clickhouse, controls, client):
    control = await asyncio.to_thread(controls, valkey_url)
    await broadcast_on(control)
    viewer = await signed_in(control, client)

    async with viewer.stream() as stream:
        begun_s = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(control.stop))
        assert await line_of(stream, "event:") is None
        await stopping

    assert time.monotonic() - begun_s < 5.0


def sessions_on(redis, clock):
    """Its sessions, and the session of a stream with this id."""
    ring = KeyRing(ApiKeys.parse(f"main:{MAIN}"), OperatorKeys())
    sessions = Sessions(redis, ring)

    def of_stream(session_id):
        headers = [(b"cookie", f"{COOKIE}={session_id}".encode())]
        return _Session(Access(ring, sessions), Request({"type": "http", "headers": headers}), clock)

    return sessions, of_stream


async def test_a_stream_ends_with_its_session_and_asks_redis_now_and_then(redis):
    now = [100.0]
    sessions, of_stream = sessions_on(redis, lambda: now[0])
    session_id = await sessions.begin(MAIN)
    mine, forged = of_stream(session_id), of_stream("forged")

    assert [await mine.goes_on(), await forged.goes_on()] == [True, False]
    await sessions.end(session_id)
    assert await mine.goes_on()  # Redis is not asked at every look
    now[0] += SESSION_LOOK_S
    assert not await mine.goes_on()


async def test_what_redis_said_last_holds_while_it_is_away(redis, valkey_url):
    now = [100.0]
    async with BlackholeProxy(valkey_url).running() as way, Redis.from_url(way.url) as client:
        sessions, of_stream = sessions_on(client, lambda: now[0])
        mine = of_stream(await sessions.begin(MAIN))
        assert await mine.goes_on()

        way.cut()
        now[0] += SESSION_LOOK_S

        assert await mine.goes_on()
