"""Who asks for many names that were never issued waits; everybody else, and every live link, does not notice."""

import tracemalloc

import pytest

from edge.scan_limit import ScanLimit
from records.address import packed_address
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


async def test_a_scan_costs_clickhouse_nothing_once_it_is_limited(behind_proxy, clickhouse):
    await scanned(behind_proxy)
    slugs = {"slug": "NEW", "link_id": 3, "short_domain": HOST}
    await clickhouse.insert_rows("links", [slugs])

    limited = behind_proxy.get("/NEW", X_Forwarded_For="203.0.113.9")
    asked = behind_proxy.get("/NEW", X_Forwarded_For="198.51.100.7")
    after = behind_proxy.get("/NEW", X_Forwarded_For="203.0.113.9")

    assert limited.status == 429, "neither memory nor Redis knew the slug"
    assert asked.headers["Location"] == after.headers["Location"] == destination(3)


async def test_a_limited_prefix_is_forgiven_in_time(redis, edges):
    await cache(redis)
    edge = edges(TAPTRAIL_TRUSTED_PROXIES="127.0.0.0/8", TAPTRAIL_UNKNOWN_PER_MINUTE="120")
    while edge.get("/nope", X_Forwarded_For="203.0.113.9").status == 404:
        pass

    wait_until(lambda: edge.get("/nope", X_Forwarded_For="203.0.113.9").status, equals=404)
