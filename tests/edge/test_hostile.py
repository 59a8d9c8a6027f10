"""Bytes meant to forge headers, pages, logs and addresses, on a real edge process."""

import json
import re
import socket
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from aggregator.decode import Entry, decode
from records.address import AddressCipher, packed_address
from records.broadcast import Broadcast
from records.link import Link
from routing.destination import destination_for
from routing.visit import Visit
from tests.support.edge import (
    BROADCAST,
    CODE_KEY,
    HOST,
    TEMPLATE,
    cache,
    change,
    cipher,
    destination,
    standing_edge,
    store,
)
from tests.support.eventually import wait_until
from tests.support.links import put_link

CODE = cipher.seal(5).encode()
ONE_LINE = re.compile(r"[\x21-\x7e]+\Z")
INJECTED = b"\r\nSet-Cookie: injected=1\r\n\r\n<script>"
QUOTED = b"%0d%0aSet-Cookie:%20injected=1%0d%0a%0d%0a%3Cscript%3E%00"
RAW = [INJECTED, b"\nSet-Cookie: injected=1", b"\rSet-Cookie: injected=1", b"\x00", b"\xc4\x8d\xc4\x8a", b"\xff"]


@pytest.fixture(scope="module", params=["fast", "asgi"])
def way(request):
    return request.param


def request(path, host=b"go.acme.example", headers=()):
    lines = b"".join(line + b"\r\n" for line in (b"Host: " + host, *headers, b"Connection: close"))
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (path, lines)


def sent(port, data):
    """All that comes back until the edge closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(data)
        got = b""
        try:
            while more := connection.recv(65536):
                got += more
        except ConnectionResetError:  # closed before it read all that was sent
            pass
    return got


def heads_of(answer):
    """Every header line of the answers in a stream of bytes; all of them well-formed."""
    lines = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        assert re.fullmatch(rb"HTTP/1\.1 \d{3} [\x20-\x7e]*", status), status
        for header in headers:
            assert re.fullmatch(rb"[a-z-]+: [\x20-\x7e]*", header, re.IGNORECASE), header
        lines += headers
        length = next(int(one.partition(b":")[2]) for one in headers if one.lower().startswith(b"content-length"))
        answer = rest[length:]
    return lines


@pytest.fixture
async def forwarding(redis, clickhouse, edges):
    """An edge whose links forward the query."""
    forwards = msgspec.structs.replace(BROADCAST, forward_query=True)
    await cache(redis, broadcast=forwards)
    await store(clickhouse, broadcast=forwards)
    return edges()


async def test_no_bytes_of_a_request_become_a_header_or_a_line_of_the_log(forwarding):
    for bad in (*RAW, QUOTED):
        for data in (
            request(b"/" + CODE + bad),
            request(b"/" + bad),
            request(b"/" + CODE + b"?a=" + bad),
            request(b"/" + CODE, host=bad),
            request(b"/" + CODE, host=HOST.encode() + bad),
            request(b"/" + CODE, headers=[b"User-Agent: " + bad, b"Referer: " + bad]),
            request(b"/" + CODE, headers=[b"X-Forwarded-For: " + bad, b"Forwarded: for=" + bad]),
        ):
            headers = heads_of(sent(forwarding.port, data))
            assert not any(b"cookie" in header.lower().partition(b":")[0] for header in headers), data

    assert forwarding.tap(5) == destination(5)
    lines = forwarding.log.read_text().splitlines()
    assert all({"at", "level", "process", "event"} <= set(json.loads(line)) for line in lines)
    assert not any("injected" in line or "Traceback" in line for line in lines)


async def test_a_forwarded_query_stays_one_line_with_the_bytes_it_had(forwarding):
    answer = sent(forwarding.port, request(b"/" + CODE + b"?a=" + QUOTED + b"&b=\xc3\xa9'\"<>#c"))

    location = next(one for one in heads_of(answer) if one.lower().startswith(b"location"))
    assert location == b"location: " + destination(5).encode() + b"&a=" + QUOTED + b"&b=%C3%A9'\"<>%23c"


CONTACTS = st.text(max_size=40)


@given(
    CONTACTS, st.binary(max_size=60), st.sampled_from([TEMPLATE, "https://é.example/{contact_id}#{code}?{click_id}"])
)
@example("\r\nSet-Cookie: a=b", b"\r\n\x00", TEMPLATE)
@example("\u2028\x85\x00\"'<>#?&%0d%0a/../", b"%0d%0a#", TEMPLATE)
def test_whatever_fills_a_destination_it_is_one_line_of_printable_ascii(contact_id, query, template):
    broadcast = Broadcast(1, "main", "spring", HOST, (template,), forward_query=True)

    visit = Visit(HOST, "aB3dE5fG7", query.decode("latin-1"))
    location = destination_for(broadcast, 0, Link(1, 0, 0, contact_id), visit, bytes(16))

    assert ONE_LINE.match(location)
    assert location.startswith("https://")


async def test_a_contact_of_any_characters_is_one_value_of_the_location(redis, edge):
    contact_ids = ["a\r\nSet-Cookie: b", "\x00\x1b[2J", "\"'<script>", "é 春 🎉", "a&b=c#d/../?"]
    for place, contact_id in enumerate(contact_ids):
        await put_link(redis, place, Link(1, 0, 1, contact_id))
    for place, contact_id in enumerate(contact_ids):
        headers = heads_of(sent(edge.port, request(b"/" + cipher.seal(place).encode())))
        location = next(one for one in headers if one.lower().startswith(b"location")).decode()
        assert unquote(location.partition("?c=")[2]) == contact_id
        assert not set("&=#/?\"'<>") & set(location.partition("?c=")[2])


async def test_a_brand_is_text_on_every_page(redis, clickhouse, edge):
    await change(redis, clickhouse, domain={"display_name": "<script>alert('a')</script>\r\n\x00&"})
    wait_until(lambda: "&lt;script&gt;" in edge.get("/").text)

    pages = [edge.get("/"), edge.get("/nope"), edge.get("/nope", host="<script>alert(1)</script>")]

    assert [page.status for page in pages] == [200, 404, 404]
    assert not any("<script" in page.text for page in pages)


FORGED = [
    ({"X_Forwarded_For": "1.1.1.1, 203.0.113.1, 127.0.0.5"}, "203.0.113.1"),
    ({"X_Forwarded_For": "203.0.113.1, 999.1.1.1"}, "127.0.0.1"),
    ({"X_Forwarded_For": "," * 5000 + "' OR 1=1 --"}, "127.0.0.1"),
    ({"X_Forwarded_For": "203.0.113.1\u00e9"}, "127.0.0.1"),
    ({"X_Forwarded_For": "203.0.113.1", "Forwarded": "for=8.8.8.8"}, "203.0.113.1"),
]
FORGED_FORWARDED = [
    ({"Forwarded": 'for=1.1.1.1;by="for=2.2.2.2", for="[2001:db8::7]:443"'}, "2001:db8::7"),
    ({"Forwarded": 'for=_hidden, for="unknown"', "X_Forwarded_For": "203.0.113.1"}, "127.0.0.1"),
]


@pytest.mark.parametrize(
    ("header", "forged"), [("x-forwarded-for", FORGED), ("forwarded", FORGED_FORWARDED)], ids=["x", "forwarded"]
)
async def test_behind_a_proxy_the_right_most_address_that_is_not_ours_counts_and_garbage_is_harmless(
    redis, edges, header, forged
):
    await cache(redis)
    settings = {"TAPTRAIL_TRUSTED_PROXIES": "127.0.0.0/8", "TAPTRAIL_FORWARDED_HEADER": header}
    edge = edges(clickhouse_url="http://x:y@127.0.0.1:1", **settings)

    for headers, _ in forged:
        assert edge.get("/" + cipher.seal(5), **headers).status == 302

    assert await recorded(redis, edge) == [packed_address(address) for _, address in forged]


async def test_an_address_forged_by_somebody_who_is_no_proxy_of_ours_is_ignored(redis, edges):
    await cache(redis)
    edge = edges(clickhouse_url="http://x:y@127.0.0.1:1", TAPTRAIL_TRUSTED_PROXIES="10.0.0.0/8")

    for headers, _ in [*FORGED, *FORGED_FORWARDED, ({"X_Real_IP": "203.0.113.1", "X_Forwarded_For": "10.0.0.1"}, "")]:
        assert edge.get("/" + cipher.seal(5), **headers).status == 302

    assert set(await recorded(redis, edge)) == {packed_address("127.0.0.1")}


async def recorded(redis: Redis, edge):
    """The addresses of all clicks, in their order."""
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)
    (stream,) = await redis.keys("tt:clicks:*")
    lane = int(stream.rpartition(b":")[2], 16)
    entries = [Entry(lane, int(name.partition(b"-")[0]), fields[b"f"]) for name, fields in await redis.xrange(stream)]
    clicks = decode(entries, {lane: 0}).clicks
    return AddressCipher(CODE_KEY).apply_all(clicks.sealed_addresses, clicks.lanes, clicks.seqs)


@pytest.fixture(scope="module")
def tapped(empty_stores, tmp_path_factory, way):
    """An edge for all examples of a property."""
    folder = tmp_path_factory.mktemp("tapped")
    with standing_edge(way, empty_stores, folder, TAPTRAIL_UNKNOWN_PER_MINUTE="1000000") as edge:
        yield edge


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"GET ", b"HEAD ", b"POST ", b"PRI * HTTP/2.0", b"/", CODE, b"?", b" HTTP/1.1", b" HTTP/1.0", b"\r\n",
             b"\n", b"\r\n\r\n", b"Host: " + HOST.encode(), b"Content-Length: 5", b"Content-Length: -1",
             b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"ffffffffffffffffff\r\n", b"Upgrade: h2c", b": ", b"\x00",
             b"5\r\nhello\r\n", b"Expect: 100-continue", b"Connection: upgrade", b"\x16\x03\x01"]
        ),
        st.binary(max_size=20),
    ),
    max_size=25,
).map(b"".join)  # fmt: skip


@settings(max_examples=150)
@given(data=PIECES)
@example(data=b"GET /" + CODE + b" HTTP/1.1\r\nHost: " + HOST.encode() + b"\r\n\r\n" * 3)
def test_random_bytes_are_answered_or_cut_off_and_the_next_tap_works(tapped, data):
    with socket.create_connection(("127.0.0.1", tapped.port), timeout=15) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while more := connection.recv(65536):
                got += more
        except ConnectionResetError:
            pass

    assert got == b"" or got.startswith(b"HTTP/1.1 ")
    assert tapped.tap(5) == destination(5)
