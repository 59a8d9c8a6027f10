"""What must hold for any bytes. Each target takes bytes and raises AssertionError, or anything else, where it does not.

hypothesis (test_targets.py) and atheris (tests/chaos/fuzz.py) both call these.
"""

import struct
import tempfile
import zlib
from functools import cache
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import httptools

from aggregator.decode import MAX_DEAD_SPAN, Entry, decode
from edge.fast.parse import plain_request
from edge.left_behind import left_behind
from edge.spool import Spool
from edge.spool_reader import SpoolDamaged, SpoolReader
from edge.visit import MAX_TEXT, VisitFrom, asked_in, visit_reader
from records.click import HEADER_BYTES, BadClick, Frame, decode_frame, frames_in, whole_frames
from records.code import ALPHABET, CODE_LENGTH, DOMAIN, CodeCipher
from records.hosts import MAX_CHARACTERS
from records.networks import Networks
from stack.clickhouse.statement import Insert, Kill, Malformed, Select, parse, tokens

_cipher = CodeCipher(bytes(range(16)))
_HEADERS = (
    b"host", b"user-agent", b"referer", b"accept", b"accept-language", b"x-forwarded-for", b"x-forwarded-for",
    b"forwarded", b"purpose", b"sec-purpose", b"sec-fetch-site", b"sec-fetch-mode", b"sec-ch-ua",
)  # fmt: skip
_CODE_CHARACTERS = frozenset(ALPHABET + "-_")


@cache  # not at import: what a reader closes over is to be instrumented before
def _readers() -> list[VisitFrom]:
    proxies = Networks([ip_network("0.0.0.0/0"), ip_network("fd00::/8")])
    return [visit_reader(Networks()), visit_reader(proxies), visit_reader(proxies, "forwarded")]


def visit(data: bytes) -> None:
    """Lines: path, query, peer, then the values of headers."""
    path, query, peer, *values = (data.split(b"\n", len(_HEADERS) + 2) + [b""] * 3)[: len(_HEADERS) + 3]
    scope = {
        "method": "GET",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "client": (peer.decode("latin-1"), 1) if peer else None,
        "headers": list(zip(_HEADERS, values, strict=False)),
    }
    for read in _readers():
        visit = read(*asked_in(scope))
        assert set(visit.code) <= _CODE_CHARACTERS
        assert len(visit.code) <= 64
        assert len(visit.short_domain) <= MAX_CHARACTERS
        assert visit.short_domain == visit.short_domain.lower()
        assert len(visit.address) == 16
        for text in (visit.user_agent, visit.referrer, visit.accept, visit.accept_language, visit.purpose):
            assert len(text) <= MAX_TEXT
        for text in (visit.sec_fetch, visit.sec_ch_ua):
            assert len(text) <= MAX_TEXT


def request(data: bytes) -> None:
    """What is read in one pass is what the HTTP parser reads."""
    plain = plain_request(data)
    if plain is None:
        return
    *asked, closes = plain
    parsed = _Parsed(data)
    assert parsed.complete == 1
    assert parsed.closes == closes
    assert asked_in(parsed.scope) == (*asked, "")


class _Parsed:
    """A request as httptools reads it."""

    def __init__(self, data: bytes) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self.complete = 0
        self.closes = False
        self._parser = parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        version = parser.get_http_version()
        path, _, query = self._url.partition(b"?")
        self.scope = {
            "method": parser.get_method().decode(), "raw_path": path, "query_string": query, "client": None,
            "headers": self._headers,
        }  # fmt: skip
        assert version in ("1.0", "1.1")
        assert not parser.should_upgrade()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self.complete += 1
        # Asked here: afterwards the parser has forgotten what the request said.
        self.closes = self._parser.get_http_version() == "1.0" or not self._parser.should_keep_alive()


def code(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    link_id = _cipher.open(text)
    if link_id is None:
        assert len(text) != CODE_LENGTH or not set(text) <= set(ALPHABET)
    else:
        assert 0 <= link_id < DOMAIN
        assert _cipher.seal(link_id) == text


def frames(data: bytes) -> None:
    """As they are, and with every checksum made right: what a checksum does not keep out."""
    for tried in (data, with_right_checksums(data)):
        good = [frame for frame in frames_in(tried) if isinstance(frame, Frame)]
        end = 0
        for frame in good:
            assert end + HEADER_BYTES + len(frame.payload) == frame.end <= len(tried)
            end = frame.end
            _, clicks = decode_frame(frame)
            assert len(clicks) == frame.count
            bad = [click.seq for click in clicks if isinstance(click, BadClick)]
            assert set(bad) <= set(range(frame.first_seq, frame.last_seq + 1))
        size, first_seq, last_seq = whole_frames(tried[:end])
        if good:
            assert (size, first_seq, last_seq) == (end, good[0].first_seq, good[-1].last_seq)


def entries(data: bytes) -> None:
    """Two entries of one lane. The first two bytes say where the first ends and how many seqs the entries claim."""
    cut, claimed, both = data[:1], data[1:2], with_right_checksums(data[2:])
    end_of_first = len(both) * (cut[0] if cut else 0) // 255
    middle = 1 + (claimed[0] if claimed else 0) // 2
    last = middle + 1 + (claimed[0] if claimed else 0) % 9

    batch = decode([Entry(7, middle, both[:end_of_first]), Entry(7, last, both[end_of_first:])], {7: 0})

    clicks = [click.seq for click in batch.clicks]
    assert sorted(set(clicks)) == clicks, "a seq twice, or out of order"
    assert all(0 < seq <= last for seq in clicks)
    assert len(batch.dead) <= MAX_DEAD_SPAN + last
    told = {*clicks, *(dead.seq for dead in batch.dead)}
    for span in batch.spans:  # what lies between them no entry speaks of: the audit sees it
        assert set(range(span.first_seq, span.last_seq + 1)) <= told
    assert [span.last_seq for span in batch.spans] == [middle, last]


def spool(data: bytes) -> None:
    """A segment of any bytes is adopted and read; then again after it was damaged behind the reader's back."""
    with tempfile.TemporaryDirectory() as folder:
        made = Spool.create(Path(folder), 7)
        path = made.directory / f"{1:020d}.spool"
        path.write_bytes(data)
        made.close()
        for adopted in left_behind(Path(folder)):
            size = adopted.size
            _read(adopted, size)
            path.write_bytes(data[len(data) // 2 :])
            _read(adopted, size)
            adopted.close()


def _read(spool: Spool, size: int) -> None:
    for max_bytes in (1, 100, 1 << 20):
        reader, given = SpoolReader(spool), 0
        try:
            while chunk := reader.next(max_bytes):
                assert reader.seq == chunk.last_seq >= chunk.first_seq > 0
                assert chunk.frames
                given += len(chunk.frames)
                assert given <= size, "more was read than there is"
        except SpoolDamaged:
            continue


def statement(data: bytes) -> None:
    """A statement for the embedded ClickHouse is taken apart into parts of itself, or left to the engine."""
    try:
        parsed = parse(data)
        found = list(tokens(data))
    except (Malformed, UnicodeDecodeError):
        return
    assert all(data[part.start : part.end] == part.text for part in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    if isinstance(parsed, Insert):
        assert len(parsed.head.encode()) < parsed.data_start <= len(data)
        assert "".join(parsed.into_and_settings()) == parsed.head
    if isinstance(parsed, Select):
        assert data.startswith(parsed.head.encode())
        assert parsed.tail.encode() in data
    if isinstance(parsed, Kill):
        assert parsed.condition.encode() in data
        assert parsed.mode in ("SYNC", "ASYNC", "TEST")


def with_right_checksums(data: bytes) -> bytes:
    """The bytes with the checksum of each frame made right, as far as lengths lead from one to the next."""
    fixed, offset = bytearray(data), 0
    while offset + HEADER_BYTES <= len(fixed):
        length, _, first_seq, count = struct.unpack_from("<IIQI", fixed, offset)
        end = offset + HEADER_BYTES + length
        payload = fixed[offset + HEADER_BYTES : end]
        crc = zlib.crc32(payload, zlib.crc32(struct.pack("<QI", first_seq, count)))
        struct.pack_into("<I", fixed, offset + 4, crc)
        offset = end
    return bytes(fixed)


TARGETS = {
    "request": request, "visit": visit, "code": code, "frames": frames, "entries": entries, "spool": spool,
    "statement": statement,
}  # fmt: skip
