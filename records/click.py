"""A click as the edge saw it, and the frames that carry clicks through spool and stream."""

import re
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Annotated

import msgspec

_END_OF_TIME_MS = 4_102_444_800_000  # 2100-01-01

# What the columns of `clicks` hold: a click beyond it does not decode, and does not stop those behind it.
_Bytes16 = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Instant = Annotated[int, msgspec.Meta(ge=0, lt=_END_OF_TIME_MS)]
_UInt64 = Annotated[int, msgspec.Meta(ge=0)]
_UInt32 = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_UInt16 = Annotated[int, msgspec.Meta(ge=0, lt=2**16)]


class Click(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answered visit of a known link. (lane, seq) is its identity; the frame it lies in gives both."""

    click_id: _Bytes16  # 16 bytes, UUIDv7; a click keeps its id however often it is delivered
    clicked_at_ms: _Instant  # Unix time, milliseconds, edge clock
    link_id: _UInt64
    code: str  # as asked for: the sealed code or the slug
    short_domain: str
    account: str
    broadcast_id: str
    broadcast_no: _UInt64
    contact_id: str
    audience: str
    keyword: str
    source: str
    destination: str  # as sent in Location, templates filled; "" where a page was answered
    destination_index: _UInt16
    status: _UInt16  # the answer given
    method: str
    sealed_address: _Bytes16  # 16 bytes: seal_address
    user_agent: str
    referrer: str  # "//" and its host; of clicks before that, the whole URL
    accept: str
    accept_language: str
    purpose: str  # Sec-Purpose, Purpose, X-Purpose and X-Moz, joined by a space
    sec_fetch: str  # "site mode user dest" of Sec-Fetch-*, "-" for an absent one; "" when all are absent
    sec_ch_ua: str
    refusal: str = ""  # why the visitor was not sent where the link leads: expired, stopped, not_yet, too_long
    destination_version: _UInt32 = 0  # version in its history that put that destination in force; 0 is 1
    query_marks: dict[str, str] | None = None  # of the visit's query: marks_in; None where it has none of them
    via: str = ""  # "qr": its URL was read from a QR code that Taptrail made


# A frame holds clicks of one event-loop tick, at most 256: header, then msgpack (edge_id, [click, ...]).
# It is appended to the spool in one write and copied unchanged into a stream entry.
_HEADER = Struct("<IIQI")  # payload bytes, crc32 of all that follows it, first seq, number of clicks
HEADER_BYTES = _HEADER.size
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
# Of a payload, by the fields of the first version; a header that says more clicks would fill the memory.
_MIN_CLICK_BYTES = len(Click.__struct_fields__) - len(Click.__struct_defaults__)
_TAIL = Struct("<QI")
_LOST = b"damaged on the disk of its edge: "

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[str, list[Click]])
_raw_decoder = msgspec.msgpack.Decoder(tuple[str, list[msgspec.Raw]])
_click_decoder = msgspec.msgpack.Decoder(Click)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # all that msgspec raises for bytes


class Frame(msgspec.Struct, frozen=True, gc=False):
    """Where a frame lies and which clicks it says it holds. `payload` is not looked at yet."""

    first_seq: int
    count: int
    payload: bytes
    end: int  # offset of the byte after it

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.count - 1


class BrokenFrame(msgspec.Struct, frozen=True):
    """Bytes that are not a frame: torn by a crash, or corrupted."""

    offset: int
    reason: str


class BadClick(msgspec.Struct, frozen=True):
    """A click that does not decode, with what there is of it."""

    seq: int
    reason: str
    payload: bytes


def encode_frame(edge_id: str, first_seq: int, clicks: list[Click]) -> bytes:
    """One frame, the clicks numbered first_seq, first_seq + 1, ..."""
    return _framed(_encoder.encode((edge_id, clicks)), first_seq, len(clicks))


def encode_lost(first_seq: int, count: int, found: bytes) -> bytes:
    """A frame in place of one that cannot be read: it decodes to `count` BadClicks, the first with what was found."""
    clicks = [_LOST + found, *[_LOST] * (count - 1)]
    return _framed(_encoder.encode(("", clicks)), first_seq, count)


def _framed(payload: bytes, first_seq: int, count: int) -> bytes:
    crc = zlib.crc32(payload, zlib.crc32(_TAIL.pack(first_seq, count)))
    return b"".join((_HEADER.pack(len(payload), crc, first_seq, count), payload))


def frames_in(data: bytes, offset: int = 0) -> Iterator[Frame | BrokenFrame]:
    """The frames that lie one behind the other; ends at the first broken one, which is yielded last."""
    while offset < len(data):
        if len(data) - offset < HEADER_BYTES:
            yield BrokenFrame(offset, "header cut short")
            return
        length, crc, first_seq, count = _HEADER.unpack_from(data, offset)
        start = offset + HEADER_BYTES
        if length > MAX_PAYLOAD_BYTES or not 0 < count <= length // _MIN_CLICK_BYTES or first_seq == 0:
            yield BrokenFrame(offset, "not a frame header")
            return
        if start + length > len(data):
            yield BrokenFrame(offset, "payload cut short")
            return
        payload = data[start : start + length]
        if zlib.crc32(payload, zlib.crc32(_TAIL.pack(first_seq, count))) != crc:
            yield BrokenFrame(offset, "checksum does not match")
            return
        offset = start + length
        yield Frame(first_seq, count, payload, offset)


def frame_at(data: bytes, offset: int) -> Frame | BrokenFrame:
    """The frame that begins there, if one does."""
    return next(frames_in(data, offset), BrokenFrame(offset, "no bytes"))


def claimed_by(data: bytes, offset: int) -> tuple[int, int, int]:
    """(first seq, clicks, offset of the byte after it) that a frame's header claims, true or not; zeros for none."""
    if offset + HEADER_BYTES > len(data):
        return 0, 0, 0
    length, _, first_seq, count = _HEADER.unpack_from(data, offset)
    return first_seq, count, offset + HEADER_BYTES + length


def whole_frames(data: bytes) -> tuple[int, int, int]:
    """(bytes, first seq, last seq) of the whole frames at the start of data, by their headers alone.

    (bytes needed, 0, 0) where not even the first frame is whole.
    """
    end, first, last = 0, 0, 0
    while end + HEADER_BYTES <= len(data):
        length, _, first_seq, count = _HEADER.unpack_from(data, end)
        if end + HEADER_BYTES + length > len(data):
            break
        end += HEADER_BYTES + length
        first, last = first or first_seq, first_seq + count - 1
    if end == 0 and len(data) >= HEADER_BYTES:
        return HEADER_BYTES + int(_HEADER.unpack_from(data)[0]), 0, 0
    return end, first, last


def decode_frame(frame: Frame) -> tuple[str, list[Click | BadClick]]:
    """(edge_id, clicks in the order of their seqs); a click that does not decode is set apart, the others stay."""
    try:
        edge_id, clicks = _decoder.decode(frame.payload)
    except _UNDECODABLE:
        return _decode_one_by_one(frame)
    if len(clicks) != frame.count:
        return edge_id, _all_bad(frame, f"holds {len(clicks)} clicks, its header says {frame.count}")
    return edge_id, list(clicks)


def _decode_one_by_one(frame: Frame) -> tuple[str, list[Click | BadClick]]:
    try:
        edge_id, raws = _raw_decoder.decode(frame.payload)
    except _UNDECODABLE as error:
        return "", _all_bad(frame, str(error))
    if len(raws) != frame.count:
        return edge_id, _all_bad(frame, f"holds {len(raws)} clicks, its header says {frame.count}")
    clicks: list[Click | BadClick] = []
    for seq, raw in enumerate(raws, frame.first_seq):
        try:
            clicks.append(_click_decoder.decode(raw))
        except _UNDECODABLE as error:
            clicks.append(BadClick(seq, _naming_the_field(str(error)), bytes(raw)))
    return edge_id, clicks


def _naming_the_field(reason: str) -> str:
    """msgspec counts the fields of an array: `$[2]` is the link_id."""
    return re.sub(r"`\$\[(\d+)\]", lambda found: f"`{_name_of(int(found[1]))}", reason, count=1)


def _name_of(index: int) -> str:
    fields = Click.__struct_fields__
    return fields[index] if index < len(fields) else f"$[{index}]"


def _all_bad(frame: Frame, reason: str) -> list[Click | BadClick]:
    return [
        BadClick(seq, reason, frame.payload if seq == frame.first_seq else b"")
        for seq in range(frame.first_seq, frame.last_seq + 1)
    ]
