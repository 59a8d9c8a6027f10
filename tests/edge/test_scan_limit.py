"""Who asks for many names that were never issued waits; everybody else, and every live link, does not notice."""

import asyncio
import socket
import time
import tracemalloc
from contextlib import ExitStack

import pytest

from edge.batch_loader import (
    LIMITED_KEYS,
    LIMITED_PAUSE_S,
    LIMITED_WAITING,
    BatchLoader,
    LimitedBatchLoader,
    TooManyLimited,
)
from edge.lookup_stats import LookupStats
from edge.record_memory import RecordMemory
from edge.redis_wire import RedisWire
from edge.scan_limit import ScanLimit
from edge.tiered_cache import TieredCache
from records.address import packed_address
from runtime.breaker import Breaker
from tests.support.edge import HOST, cache, cache_slug, cipher, destination, store
from tests.support.eventually import wait_until

SCANNER = packed_address("203.0.113.9")
NEIGHBOUR = packed_address("203.0.113.200")
STRANGER = packed_address("198.51.100.7")
BEHIND_PROXY = {"TAPTRAIL_TRUSTED_PROXIES": "127.0.0.0/8", "TAPTRAIL_UNKNOWN_PER_MINUTE": "20"}


def taken(limit, address, count, now_s=1000.0):
    return sum(limit.count(address, now_s) for _ in range(count))


def test_a_prefix_gets_a_minutes_worth_at_once_and_then_as_much_as_time_allows():
    limit = ScanLimit(per_minute=60)

    assert taken(limit, SCANNER, 500) == 60
    assert limit.is_over(SCANNER, 1000.0)
    assert taken(limit, SCANNER, 500, now_s=1010.0) == 10
    assert taken(limit, SCANNER, 500, now_s=2000.0) == 60


def test_neighbours_share_a_limit_and_strangers_do_not():
    limit = ScanLimit(per_minute=60)
    taken(limit, SCANNER, 60)

    assert taken(limit, NEIGHBOUR, 1) == 0
    assert taken(limit, STRANGER, 60) == 60


def test_a_flood_from_other_prefixes_does_not_reset_a_scanner():
    limit = ScanLimit(per_minute=60)
    taken(limit, SCANNER, 60)

    for number in range(200_000):
        limit.count(b"\x20\x01" + number.to_bytes(4, "big") + bytes(10), 1000.0)

    assert limit.is_over(SCANNER, 1000.0)


def test_a_hundred_thousand_prefixes_that_ask_once_limit_nobody_and_take_no_memory():
    limit = ScanLimit(per_minute=300)

    for number in range(100_000):
        if number == 90_000:
            tracemalloc.start()
        limit.count(b"\x20\x01" + number.to_bytes(4, "big") + bytes(10), 1000.0 + number / 10_000)

    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken(limit, SCANNER, 200, now_s=1010.0) == 200
    assert grown < 10_000


async def scanned(edge, address="203.0.113.9"):
    """Ask for unknown codes until the prefix is limited; gives the last answer."""
    for number in range(100):
        answer = edge.get(f"/nope{number}", X_Forwarded_For=address)
        if answer.status != 404:
            return answer
    return answer


def all_at_once(edge, paths, address="203.0.113.9", hosts=None):
    """The statuses of requests that are all sent before one answer is read."""
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", edge.port), 10)) for _ in paths]
        for connection, path, host in zip(connections, paths, hosts or [HOST] * len(paths), strict=True):
            time.sleep(0.002)  # each in a tick of its own
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\n\r\n".encode())
        return [int(connection.recv(65536).split()[1]) for connection in connections]


def slug_row(link_id, slug):
    return {"link_id": link_id, "slug": slug, "short_domain": HOST, "broadcast_no": 1, "contact_id": f"c-{link_id}"}


@pytest.fixture
async def behind_proxy(redis, clickhouse, edges):
    """An edge behind a proxy on this machine, that lets a prefix ask for 20 unknown codes a minute."""
    await cache(redis)
    await store(clickhouse)
    await cache_slug(redis, "SALE", 5)
    return edges(**BEHIND_PROXY)


async def test_a_scan_is_told_to_wait_and_counted(behind_proxy):
    answer = await scanned(behind_proxy)

    assert (answer.status, answer.headers["Location"]) == (429, None)
    assert int(answer.headers["Retry-After"]) > 0
    assert behind_proxy.metric("taptrail_refusals_total", reason="scanning") == 1
    assert behind_proxy.get("/nope", method="HEAD", X_Forwarded_For="203.0.113.9").status == 429


async def test_live_links_are_redirected_whoever_scans_beside_them(behind_proxy):
    await scanned(behind_proxy)

    for path, place in [("/" + cipher.seal(7), 7), ("/SALE", 5), ("/SALE.", 5)]:
        answer = behind_proxy.get(path, X_Forwarded_For="203.0.113.77")
        assert (answer.status, answer.headers["Location"]) == (302, destination(place))


async def test_strangers_still_get_the_page_of_an_unknown_link(behind_proxy):
    await scanned(behind_proxy)

    assert behind_proxy.get("/nope", X_Forwarded_For="198.51.100.7").status == 404
    assert behind_proxy.get("/nope", X_Forwarded_For="198.51.100.7, 203.0.113.9").status == 429


@pytest.mark.parametrize("path", ["/a/b", "/wp-login.php", "/" + "0" * 9, "/%00"])
async def test_junk_of_every_kind_is_a_scan(behind_proxy, path):
    await scanned(behind_proxy)

    assert behind_proxy.get(path, X_Forwarded_For="203.0.113.9").status == 429


async def test_asking_for_many_hosts_is_a_scan(behind_proxy):
    for number in range(30):
        last = behind_proxy.get("/aB3dE5fG7", host=f"h{number}.example", X_Forwarded_For="203.0.113.9")

    assert last.status == 429
    assert behind_proxy.get("/" + cipher.seal(7), X_Forwarded_For="203.0.113.9").headers["Location"] == destination(7)


@pytest.mark.parametrize("path", ["/", "/.well-known/assetlinks.json", "/robots.txt"])
async def test_asking_for_the_pages_of_many_hosts_is_a_scan(behind_proxy, path):
    for number in range(30):
        behind_proxy.get(path, host=f"h{number}.example", X_Forwarded_For="203.0.113.9")

    assert behind_proxy.get("/", host="h30.example", X_Forwarded_For="203.0.113.77").status == 429
    assert behind_proxy.get("/robots.txt", host="h31.example", X_Forwarded_For="203.0.113.9").text.startswith("User")
    assert behind_proxy.get("/", X_Forwarded_For="203.0.113.9").status == 200
    assert behind_proxy.get("/", host="h32.example", X_Forwarded_For="198.51.100.7").status == 404


async def test_a_live_slug_that_only_clickhouse_has_is_answered_whoever_scans_beside_it(behind_proxy, clickhouse):
    await scanned(behind_proxy)
    await clickhouse.insert_rows("links", [slug_row(3, "NEW")])

    for path in ("/NEW", "/new", "/NEW_"):
        assert behind_proxy.get(path, X_Forwarded_For="203.0.113.9").headers["Location"] == destination(3)
    assert behind_proxy.get("/OLD", X_Forwarded_For="203.0.113.9").status == 429


async def test_a_limited_prefix_gets_live_links_after_redis_forgot_everything(behind_proxy, redis):
    await scanned(behind_proxy)
    await redis.flushall()

    for link_id in (7, 8):
        answer = behind_proxy.get("/" + cipher.seal(link_id), X_Forwarded_For="203.0.113.9")
        assert (answer.status, answer.headers["Location"]) == (302, destination(link_id))


MANY_NAMES = {
    "made up": lambda number: f"/scan{number}",
    "behind a code": lambda number: f"/{cipher.seal(10**9)}-{number}",
    "a live slug and marks": lambda number: "/SALE" + f"{number:08b}".translate({48: "-", 49: "_"}),
}


async def test_pages_of_many_hosts_of_a_limited_prefix_are_few_queries(behind_proxy):
    await scanned(behind_proxy)
    queries, began = behind_proxy.metric("taptrail_origin_query_seconds_count"), time.monotonic()

    answers = all_at_once(behind_proxy, ["/"] * 150, hosts=(f"h{number}.example" for number in range(150)))
    queries = behind_proxy.metric("taptrail_origin_query_seconds_count") - queries

    assert set(answers) == {429}
    assert queries <= (time.monotonic() - began) / LIMITED_PAUSE_S + 1


@pytest.mark.parametrize("name", MANY_NAMES.values(), ids=MANY_NAMES)
async def test_many_names_of_a_limited_prefix_are_few_queries(behind_proxy, name):
    await scanned(behind_proxy)
    queries, began = behind_proxy.metric("taptrail_origin_query_seconds_count"), time.monotonic()

    answers = all_at_once(behind_proxy, [name(number) for number in range(150)])
    queries = behind_proxy.metric("taptrail_origin_query_seconds_count") - queries

    assert set(answers) <= {429, 302}
    assert queries <= (time.monotonic() - began) / LIMITED_PAUSE_S + 1


async def test_names_beyond_those_that_may_wait_are_told_to_wait_without_a_look_up():
    asked, most = [], []

    def loader(slot):
        async def query(keys):
            asked.append(len(keys))
            running.append(keys)
            most.append(len(running))
            await asyncio.sleep(0.01)
            running.pop()
            return dict.fromkeys(keys, "found")

        return LimitedBatchLoader(query, Breaker(asyncio.Event().wait), LookupStats(), slot)

    running, slot = [], asyncio.Semaphore(1)
    slugs, domains = loader(slot), loader(slot)
    look_ups = [each.get(number) for number in range(LIMITED_WAITING + 7) for each in (slugs, domains)]

    answers = await asyncio.gather(*look_ups, return_exceptions=True)

    assert sum(isinstance(answer, TooManyLimited) for answer in answers) == 14
    assert answers.count("found") == 2 * LIMITED_WAITING
    assert (max(asked), max(most)) == (LIMITED_KEYS, 1), "one bounded query at a time, of every kind together"


async def test_strangers_do_not_wait_for_the_names_of_limited_prefixes():
    memory = RecordMemory(10)
    never = asyncio.Event()

    async def query(keys):
        return {}

    async def hangs(keys):
        await never.wait()
        return {}

    loader = BatchLoader(query, Breaker(never.wait), LookupStats())
    limited = LimitedBatchLoader(hangs, Breaker(never.wait), LookupStats(), asyncio.Semaphore(1))
    wire = RedisWire("redis://127.0.0.1:1/0")
    slugs = TieredCache(
        memory, wire, loader, limited,
        read=lambda key: [("GET", key)], decode=lambda key, replies: None, refill=lambda key, link_id: [],
    )  # fmt: skip
    scanner = asyncio.ensure_future(slugs.get("SALE", is_limited=True))
    await asyncio.sleep(0.1)

    async with asyncio.timeout(5):
        assert await slugs.get("SALE") is None
    assert not scanner.done()
    scanner.cancel()


async def test_a_limited_prefix_is_forgiven_in_time(redis, edges):
    await cache(redis)
    edge = edges(TAPTRAIL_TRUSTED_PROXIES="127.0.0.0/8", TAPTRAIL_UNKNOWN_PER_MINUTE="120")
    while edge.get("/nope", X_Forwarded_For="203.0.113.9").status == 404:
        pass

    wait_until(lambda: edge.get("/nope", X_Forwarded_For="203.0.113.9").status, equals=404)
