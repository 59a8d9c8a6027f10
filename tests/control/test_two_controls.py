"""Two control processes on the same stores: what one of them mints, the other does not break."""

import asyncio
import http.client
import json
import time
from io import BytesIO

import pytest

from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts
from control.access.caller import Author
from control.cache.redis_cache import Cache
from control.catalogue.broadcasts import Broadcasts
from control.catalogue.changes import Changes
from control.catalogue.domains import DestinationRules, Domains
from control.http.problems import Problem
from control.http.schemas import BroadcastBody, BroadcastPatch
from control.locks import Locks
from control.minting.claims import Claims
from control.minting.compositions import Compositions
from control.minting.id_allocator import IdAllocator
from control.minting.link_table import LinkTable
from control.minting.minter import Minter
from records.broadcast import decode_broadcast
from records.code import CodeCipher
from records.keys import broadcast_key
from tests.support.control import CODE_KEY, DOMAIN, MAIN, SHOP, contacts
from tests.support.eventually import eventually
from tests.support.processes import free_port

OTHER_DOMAIN = "go.second.example"
MANY = b"".join(b'{"contact_id":"c-%d"}\n' % number for number in range(100_000))
PATH = "/v1/broadcasts/spring/links"
AUTHOR = Author("main", "crm")
MOVED, SHORTENED = {"short_domain": OTHER_DOMAIN}, {"destinations": [SHOP]}


@pytest.fixture
async def other(control, controls, valkey_url):
    """A second control process; broadcast `spring` has two destinations."""
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    control.call("PUT", f"/v1/domains/{OTHER_DOMAIN}", {})
    return await asyncio.to_thread(controls, valkey_url)


def refused(control):
    """What of a broadcast cannot be changed: (status, kind) of a move and of a shortening."""
    answers = [control.call("PATCH", "/v1/broadcasts/spring", change) for change in (MOVED, SHORTENED)]
    return [(answer.status, answer.body.get("type", "").removeprefix("/docs#")) for answer in answers]


async def broken_links(clickhouse):
    """Links that lead nowhere: on another domain than their broadcast, or to a destination that it has no more."""
    return await clickhouse.value(
        "SELECT countIf(l.short_domain != b.short_domain OR l.destination_index >= length(b.destinations))"
        " FROM links AS l JOIN (SELECT * FROM broadcasts FINAL) AS b ON l.broadcast_no = b.broadcast_no"
    )


async def test_a_broadcast_that_another_process_mints_for_a_slow_client_keeps_what_its_links_need(
    control, other, clickhouse
):
    connection = http.client.HTTPConnection("127.0.0.1", control.port, timeout=60)
    connection.request("POST", PATH, MANY, {"Authorization": f"Bearer {MAIN}"})
    answer = await asyncio.to_thread(connection.getresponse)  # the first lines have come; the client reads no further

    assert refused(other) == refused(control) == [(409, "conflict"), (409, "in-progress")]
    assert await clickhouse.value("SELECT count() FROM links") < 200_000, "the minting goes on"
    lines = await asyncio.to_thread(lambda: answer.read().splitlines())
    assert len(lines) == 200_000
    assert {json.loads(line)["short_url"].split("/")[2] for line in lines[::1000]} == {DOMAIN}
    assert refused(other) == [(409, "conflict"), (422, "invalid")]
    assert await broken_links(clickhouse) == 0


async def test_a_minting_that_was_cut_off_before_its_first_link_can_still_be_repeated(control, other, clickhouse):
    first = control.mint(contacts(3), Idempotency_Key="key")
    await clickhouse.execute("DELETE FROM links WHERE 1")

    assert refused(other) == [(409, "conflict"), (409, "in-progress")]
    assert other.mint(contacts(3), Idempotency_Key="key").body == first.body
    assert refused(other) == [(409, "conflict"), (422, "invalid")]
    assert await broken_links(clickhouse) == 0


@pytest.mark.system
async def test_a_broadcast_whose_minter_was_killed_keeps_what_the_links_need_until_they_are_there(
    controls, valkey_url, other, redis, clickhouse
):
    dying = await asyncio.to_thread(controls, valkey_url)
    connection = http.client.HTTPConnection("127.0.0.1", dying.port, timeout=60)
    connection.request("POST", PATH, MANY, {"Authorization": f"Bearer {MAIN}", "Idempotency-Key": "key"})
    await asyncio.to_thread(connection.getresponse)
    dying.kill()
    await redis.flushall()

    assert refused(other) == [(409, "conflict"), (409, "in-progress")]
    repeated = await asyncio.to_thread(other.call, "POST", PATH, MANY, Idempotency_Key="key")
    assert (repeated.status, len(repeated.body)) == (200, 200_000)
    assert refused(other) == [(409, "conflict"), (422, "invalid")]
    assert await broken_links(clickhouse) == 0


async def test_lines_that_name_their_destination_keep_only_what_they_need(control, other):
    control.mint(contacts(3, destination_index=0))

    assert refused(other) == [(409, "conflict"), (200, "")]


async def test_a_change_whose_process_died_before_redis_had_it_is_put_in_force_by_the_other(
    control, controls, other, redis
):
    cut_off = await asyncio.to_thread(controls, f"redis://127.0.0.1:{free_port()}/0")
    stopped = await asyncio.to_thread(cut_off.call, "PATCH", "/v1/broadcasts/spring", {"stopped": True})
    assert stopped.body["type"] == "/docs#not-in-force"

    cut_off.kill()

    async def in_force():
        return decode_broadcast(await redis.get(broadcast_key(0))).stopped

    assert not await in_force()
    await eventually(in_force)


class Process:
    """The parts of a control process that change broadcasts and mint, with locks of its own."""

    def __init__(self, redis, clickhouse):
        cache, locks, ids = Cache(redis, links_kept_s=60), Locks(redis), IdAllocator(redis, clickhouse)
        claims, links = Claims(clickhouse, ids), LinkTable(clickhouse)
        rules = DestinationRules(allow_http=False, allow_private=False)
        changes = Changes(clickhouse)
        self.domains = Domains(clickhouse, cache, locks, claims, changes, rules)
        self.broadcasts = Broadcasts(clickhouse, cache, locks, self.domains, ids, claims, links, changes)
        cipher, compositions = CodeCipher(bytes.fromhex(CODE_KEY)), Compositions(clickhouse)
        self.minter = Minter(self.broadcasts, claims, links, compositions, cache, locks, cipher)

    async def mint(self, broadcast_id):
        lines = read_contacts(BytesIO(b'{"contact_id":"c-1"}\n'), NdjsonForm(), 2, skip_bad=False)
        broadcast = await self.broadcasts.get("main", broadcast_id)
        prepared = await self.minter.prepare(broadcast, lines, "", "hash")
        return [line async for line in self.minter.stream(prepared)]

    async def change(self, broadcast_id, change):
        await self.broadcasts.patch("main", broadcast_id, BroadcastPatch(**change), AUTHOR)


async def outcome(doing, delay_s):
    await asyncio.sleep(delay_s)
    try:
        await doing
    except Problem as problem:
        return problem.kind
    return "done"


@pytest.mark.system
@pytest.mark.timeout(300)  # beside other tests it waits for claims that two controls contend for
async def test_a_minting_and_a_change_at_once_break_no_link_while_redis_is_wiped(control, other, redis, clickhouse):
    """Without the locks, which are wiped with it, either sees the other and gives up; at worst both do."""
    minting, changing = Process(redis, clickhouse), Process(redis, clickhouse)
    names = [f"b-{number}" for number in range(40)]
    for name in names:
        body = BroadcastBody(short_domain=DOMAIN, destinations=[SHOP, SHOP + "&2"])
        await changing.broadcasts.put("main", name, body, AUTHOR)

    async def wipe():
        while True:
            await redis.flushall()
            await asyncio.sleep(0.001)

    wiping = asyncio.create_task(wipe())
    outcomes = set()
    for number, name in enumerate(names):
        change = changing.change(name, (MOVED, SHORTENED)[number % 2])
        delays = (number % 5 * 0.003, number % 7 * 0.003)
        doing = (outcome(minting.mint(name), delays[0]), outcome(change, delays[1]))
        outcomes.add(tuple(await asyncio.gather(*doing)))
    wiping.cancel()

    assert await broken_links(clickhouse) == 0
    assert {kind for pair in outcomes for kind in pair} <= {"done", "conflict", "in-progress", "invalid"}
    assert len(outcomes) > 1, "they never met"


@pytest.mark.system
async def test_a_minting_and_the_deletion_of_its_domain_at_once_leave_no_link_without_one(
    control, other, redis, clickhouse
):
    minting, deleting = Process(redis, clickhouse), Process(redis, clickhouse)
    names = [f"d-{number}" for number in range(24)]
    for name in names:
        body = BroadcastBody(short_domain=f"{name}.acme.example", destinations=[SHOP, SHOP + "&2"])
        control.call("PUT", f"/v1/domains/{name}.acme.example", {})
        await deleting.broadcasts.put("main", name, body, AUTHOR)

    started = time.perf_counter()
    await minting.mint(names.pop())
    minting_s = time.perf_counter() - started
    outcomes = set()
    for number, name in enumerate(names):
        deletion = deleting.domains.delete(f"{name}.acme.example", "main", AUTHOR)
        doing = (outcome(minting.mint(name), 0), outcome(deletion, number / len(names) * 2 * minting_s))
        outcomes.add(tuple(await asyncio.gather(*doing)))

    orphans = "SELECT count() FROM links WHERE short_domain NOT IN (SELECT short_domain FROM domains_now)"
    assert await clickhouse.value(orphans) == 0
    assert ("done", "done") not in outcomes
    assert {kind for pair in outcomes for kind in pair} <= {"done", "conflict"}
    assert len(outcomes) > 1, "they never met"
