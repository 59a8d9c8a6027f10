"""What clicks say, as a real edge process ships them."""

import pytest

from edge.recorder import MAX_UNSPOOLED_BYTES, Recorder
from edge.spool import Spool
from edge.tap import Answered, Tap
from records.address import AddressCipher
from records.click import decode_frame, frames_in
from records.keys import ENTRY_FIELD
from records.link import Link
from routing.decide import Decision
from routing.found import Found
from routing.visit import Visit
from tests.support.edge import BROADCAST, CODE_KEY, HOST, cache, change, cipher, destination
from tests.support.eventually import wait_until
from tests.support.links import put_link
from visitors.query_marks import MARKS

LANDING = "https://acme.example/over"
LAST_YEAR_MS, NEXT_CENTURY_MS = 1_700_000_000_000, 4_000_000_000_000


async def clicks(redis, edge):
    """All clicks in Redis, in their order."""
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)
    (stream,) = await redis.keys("tt:clicks:*")
    entries = [fields[ENTRY_FIELD] for _, fields in await redis.xrange(stream)]
    return [click for entry in entries for frame in frames_in(entry) for click in decode_frame(frame)[1]]


@pytest.mark.parametrize(
    ("over", "refusal"),
    [
        ({"stopped": True}, "stopped"),
        ({"expires_at_ms": LAST_YEAR_MS}, "expired"),
        ({"valid_from_ms": NEXT_CENTURY_MS}, "not_yet"),
    ],
)
async def test_a_click_says_why_its_visitor_was_not_sent_to_the_links_own_destination(
    redis, clickhouse, edge, over, refusal
):
    assert edge.tap(5) == destination(5)
    await change(redis, clickhouse, broadcast={**over, "fallback": LANDING})
    assert edge.tap(5) == LANDING
    await change(redis, clickhouse, broadcast=over)
    assert edge.tap(5) in (404, 410)

    live, sent_elsewhere, page = await clicks(redis, edge)

    assert (live.status, live.destination, live.refusal) == (302, destination(5), "")
    assert (sent_elsewhere.status, sent_elsewhere.destination, sent_elsewhere.refusal) == (302, LANDING, refusal)
    assert (page.destination, page.refusal) == ("", refusal)


async def test_a_filled_destination_that_is_too_long_is_refused_counted_and_recorded(redis, clickhouse, edge):
    await change(redis, clickhouse, broadcast={"destinations": ("https://acme.example/?" + "{contact_id}" * 130,)})
    link = Link(BROADCAST.broadcast_no, 0, 1, "\U0001f600" * 256)
    await put_link(redis, 6, link)

    assert edge.tap(5) == "https://acme.example/?" + "c-5" * 130
    page = edge.get("/" + cipher.seal(6))

    assert (page.status, "web address is too long" in page.text) == (404, True)
    assert [click.refusal for click in await clicks(redis, edge)] == ["", "too_long"]
    assert 'taptrail_refusals_total{domain="known",reason="too_long"} 1.0' in edge.metrics()


async def test_a_full_disk_leaves_one_line_in_the_log_and_another_when_it_is_over(redis, clickhouse, edges, small_disk):
    await cache(redis)
    edge = edges(TAPTRAIL_SPOOL_DIR=str(small_disk / "spool"))
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(1024 * 1024))

    taps = [edge.tap(number) for number in range(10) for _ in range(20)]
    said = edge.log.read_text()
    filler.unlink()
    wait_until(lambda: "spool_accepted" in edge.log.read_text())

    assert taps == [destination(number) for number in range(10) for _ in range(20)]
    assert said.count('"event":"spool_refused"') == 1
    assert "No space left on device" in said or "no space left" in said


async def test_a_click_says_which_version_of_the_destination_it_was_sent_to(redis, clickhouse, edge):
    fixed, fallback = "https://acme.example/fixed", {"stopped": True, "fallback": LANDING}
    assert edge.tap(5) == destination(5)  # a broadcast from before there were versions
    await change(redis, clickhouse, broadcast={"destinations": (fixed,), "destination_versions": (2,)})
    assert edge.tap(5) == fixed
    await change(redis, clickhouse, broadcast={"destinations": (fixed,), "destination_versions": (2,), **fallback})
    assert edge.tap(5) == LANDING

    seen = [(click.destination, click.destination_version, click.refusal) for click in await clicks(redis, edge)]

    assert seen == [(destination(5), 1, ""), (fixed, 2, ""), (LANDING, 2, "stopped")]


@pytest.mark.parametrize("headers", [{}, {"content_length": "0"}], ids=["fast path", "parser"])
async def test_a_click_keeps_known_marks_of_the_query_and_nothing_else(redis, edge, headers):
    code = cipher.seal(5)
    queries = {
        "utm_source=x&gclid=y&other=z": {"utm_source": "x", "gclid": "y"},
        "": None,
        "other=z": None,
        "gclid=first&gclid=second&utm%5Fterm=gr%C3%BCn+blau%00": {"gclid": "first", "utm_term": "grün blau\ufffd"},
        "fbclid=" + "a" * 5_000: {"fbclid": "a" * 512},
        "x=" + "a" * 5_000 + "&fbclid=b": {"fbclid": "b"},
    }
    for query in queries:
        assert edge.get(f"/{code}?{query}", **headers).status == 302

    raw = f"GET /{code}?utm_source=caf".encode() + b"\xc3\xa9&gclid=a\xff HTTP/1.1\r\nHost: go.acme.example\r\n\r\n"
    assert b" 302 " in edge.send(raw)

    kept = [click.query_marks for click in await clicks(redis, edge)]
    assert kept == [*queries.values(), {"utm_source": "café", "gclid": "a\ufffd"}]


def test_a_tick_of_thousands_of_hostile_visits_is_recorded_whole(tmp_path):
    spool = Spool.create(tmp_path, 7)
    recorder = Recorder(spool, AddressCipher(CODE_KEY), "edge-1")
    text = "\xff" * 1024
    marks = "&".join(f"{name}=" + "%FF" * 512 for name in sorted(MARKS))
    hostile = Visit(HOST, "a" * 9, marks, "GET", bytes(16), text, text, text, text, text, text, text)
    found = Found(link_id=1, link=Link(BROADCAST.broadcast_no, 0, 0, "c-1"), broadcast=BROADCAST)
    row = Answered(Tap(hostile, lambda *_: None), found, bytes(16), Decision(302, "https://a" * 888, is_row=True))

    recorder.record([row] * 3_000, LAST_YEAR_MS)

    assert (recorder.answered, recorder.unrecorded, recorder.unspooled_bytes) == (3_000, 0, 0)
    read = [frame for path in sorted(spool.directory.glob("*.spool")) for frame in frames_in(path.read_bytes())]
    assert sum(frame.count for frame in read) == 3_000
    assert max(len(frame.payload) for frame in read) < MAX_UNSPOOLED_BYTES / 2
    spool.close()


async def test_a_preview_is_a_row_that_says_200(redis, clickhouse, edge):
    await change(redis, clickhouse, broadcast={"preview": {"title": "Sale"}})

    assert edge.get("/" + cipher.seal(5), User_Agent="WhatsApp/2").status == 200
    (click,) = await clicks(redis, edge)

    assert (click.status, click.destination, click.refusal) == (200, "", "")
    assert 'taptrail_redirects_total{link="personal",status="200"} 1.0' in edge.metrics()


@pytest.mark.parametrize("headers", [{}, {"content_length": "0"}], ids=["fast path", "parser"])
async def test_a_scan_of_a_qr_code_is_known_by_its_mark(redis, clickhouse, edge, headers):
    await change(redis, clickhouse, broadcast={"forward_query": True})
    code = cipher.seal(5)

    for query in ("?via=qr", "?via=qr&gclid=y", "?via=qrcode", "", ".?via=qr"):
        path = f"/{code}{query}"
        assert "via=qr&" not in edge.get(path, **headers).headers["Location"] + "&"

    seen = [(click.via, click.query_marks) for click in await clicks(redis, edge)]
    assert seen == [("qr", None), ("qr", {"gclid": "y"}), ("", None), ("", None), ("qr", None)]
