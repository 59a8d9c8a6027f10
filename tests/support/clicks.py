"""Clicks for tests: one that can be varied, and those of the recorded header sets."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from aggregator.clicks import Clicks, Gathering
from edge.visit import asked_in, visit_reader
from records.address import AddressCipher, packed_address
from records.click import Click
from records.networks import Networks

CODE_KEY = bytes(range(16))
LANE = 0x1D0C0FFEE
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
RECORDED: list[dict[str, Any]] = json.loads(Path("examples/visits.json").read_text())

CLICK = Click(
    click_id=bytes.fromhex("019a12345678 7abc 8def 0123456789ab"),
    clicked_at_ms=1_800_000_000_123,
    link_id=4_000_000_017,
    code="aB3dE5fG7",
    short_domain="go.acme.example",
    account="acme/seattle",
    broadcast_id="spring",
    broadcast_no=7,
    contact_id="c-000001",
    audience="vip",
    keyword="SALE",
    source="sms",
    destination="https://shop.acme.example/?c=c-000001",
    destination_index=2,
    status=302,
    method="GET",
    sealed_address=bytes(16),
    user_agent=IPHONE,
    referrer="",
    accept="text/html",
    accept_language="en-US,en;q=0.9",
    purpose="",
    sec_fetch="",
    sec_ch_ua="",
)


def click(**changes: Any) -> Click:
    return msgspec.structs.replace(CLICK, **changes)


class Numbered(NamedTuple):
    """A click with its identity."""

    lane: int
    seq: int
    edge_id: str
    click: Click


def gathered(*clicks: Numbered) -> Clicks:
    gathering = Gathering()
    for each in clicks:
        gathering.add(each.lane, [each.seq], each.edge_id, [each.click])
    return gathering.clicks()


def numbered(seq: int = 1, address: str = "203.0.113.77", **changes: Any) -> Numbered:
    """A click as the stream brings it, its address sealed."""
    sealed = AddressCipher(CODE_KEY).apply(packed_address(address), LANE, seq)
    return Numbered(LANE, seq, "edge-1", click(sealed_address=sealed, **changes))


def recorded_click(recorded: dict[str, Any]) -> Click:
    """What the edge makes of a recorded visit."""
    headers = [(name.lower().encode(), value.encode()) for name, value in recorded["headers"]]
    scope = {
        "method": recorded["method"],
        "raw_path": b"/aB3dE5fG7",
        "query_string": b"",
        "headers": [(b"host", b"go.acme.example"), *headers],
        "client": (recorded["address"], 50_000),
    }
    visit = visit_reader(Networks())(*asked_in(scope))
    return click(
        method=visit.method,
        user_agent=visit.user_agent,
        referrer=visit.referrer,
        accept=visit.accept,
        accept_language=visit.accept_language,
        purpose=visit.purpose,
        sec_fetch=visit.sec_fetch,
        sec_ch_ua=visit.sec_ch_ua,
    )


def rows_in(stream: bytes) -> list[dict[str, Any]]:
    """The rows of an ArrowStream, columns in order; instants as Unix milliseconds, without what is no column."""
    rows = pa.ipc.open_stream(stream).read_all().to_pylist(maps_as_pydicts="strict")
    return [
        {name: int(value.timestamp() * 1000 + 0.5) if name.endswith("_at") else value for name, value in row.items()}
        for row in rows
    ]
