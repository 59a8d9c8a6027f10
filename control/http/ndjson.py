"""Bulk requests on the wire: lines in, kept on disk until all of them are checked; lines out as they are minted.

Contacts come as NDJSON, or by `Content-Type: text/csv` as the CSV that people have.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from hashlib import sha256
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contacts.bad_lines import BadContact
from contacts.columns import QUERY, BadHeader, mapping_of
from contacts.csv_form import csv_form
from contacts.encoding import Encoding
from contacts.encoding_names import EXAMPLES, encoding_named
from contacts.fields import FieldNeeds
from contacts.line import Contacts
from contacts.ndjson_form import NdjsonForm
from contacts.phones import phone_warnings
from contacts.reader import read_contacts
from control.http.bodies import pieces
from control.http.problems import Problem, invalid
from control.http.store_faults import of_store
from records.text import shown
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

MAX_BYTES = 2 * 1024**3
MAX_LINE_BYTES = 4 * 1024**2
IN_MEMORY_BYTES = 8 * 1024**2
_EMPTY = "the body is empty; expected a line of JSON for each contact"
_EMPTY_CSV = "the CSV file has no contacts below its header"

log = logging.getLogger(__name__)


class Bulk(msgspec.Struct, frozen=True):
    contacts: Contacts
    digest: str  # of the body and of what decides which of its lines count
    warnings: list[str]  # what may be wrong with the contacts


class CsvBody(msgspec.Struct, frozen=True):
    """How the caller of a CSV body wants it read."""

    columns: dict[str, str]  # by what it is, the header of the column
    encoding: Encoding | None  # where the file does not say it itself


async def received(request: Request, destinations: int, needs: FieldNeeds, *, skip_bad: bool) -> Bulk:
    """The whole body, read and checked; raises Problem."""
    csv = _csv_body(request)
    digest = sha256((b"skip_bad" if skip_bad else b"") + (b"skip_missing" if needs.skips_missing else b""))
    if csv is not None:
        digest.update(msgspec.json.encode(csv))
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        line = _LineLength()
        async for piece in pieces(request, MAX_BYTES, "; send it in several requests"):
            line.take(piece)
            digest.update(piece)
            file.write(piece)
        contacts, warnings = await asyncio.to_thread(_read, file, csv, destinations, needs, skip_bad)
    return Bulk(contacts, digest.hexdigest(), warnings)


async def contacts_in(data: bytes, destinations: int, needs: FieldNeeds) -> Contacts:
    """The contacts of a small body, all of which must be right; raises Problem."""
    contacts, _ = await asyncio.to_thread(_read, BytesIO(data), None, destinations, needs, False)
    return contacts


def _csv_body(request: Request) -> CsvBody | None:
    """None for NDJSON; raises Problem."""
    media, columns = request.headers.get("content-type", ""), request.query_params.getlist("map")
    name = request.query_params.get("encoding")
    if media.partition(";")[0].strip().lower() != "text/csv":
        for field, given in (("map", columns), ("encoding", name)):
            if given:
                raise invalid(field, f"{field} is about a CSV file; send it with the header Content-Type: text/csv")
        return None
    encoding = encoding_named(name) if name else None
    if name and encoding is None:
        raise invalid("encoding", f"encoding is {shown(name)}; expected such as {EXAMPLES}")
    try:
        return CsvBody(mapping_of(columns, QUERY), encoding)
    except BadHeader as error:
        raise invalid("map", str(error)) from None


def _read(
    file: IO[bytes], csv: CsvBody | None, destinations: int, needs: FieldNeeds, skip_bad: bool
) -> tuple[Contacts, list[str]]:
    file.seek(0)
    header = ""
    try:
        if csv is None:
            contacts = read_contacts(file, NdjsonForm(), destinations, skip_bad=skip_bad, needs=needs)
        else:
            form = csv_form(file, csv.columns, needs, csv.encoding, QUERY)
            header = form.header.contact_column
            contacts = read_contacts(file, form, destinations, skip_bad=skip_bad, needs=needs)
    except BadHeader as error:
        raise Problem("invalid", f"the CSV file: {error}") from None
    except BadContact as bad:
        raise Problem("invalid", str(bad), field=bad.field, line=bad.line, column=bad.column) from None
    if not len(contacts) and not contacts.bad:
        raise Problem("invalid", _EMPTY_CSV if csv else _EMPTY)
    return contacts, phone_warnings(contacts, header)


class _LineLength:
    """Refuses a line that would not fit in memory, wherever its pieces end."""

    def __init__(self) -> None:
        self._line_no, self._length = 1, 0

    def take(self, piece: bytes) -> None:
        end = piece.find(b"\n")
        if self._length + (end if end >= 0 else len(piece)) > MAX_LINE_BYTES:
            detail = f"line {self._line_no} has more than {MAX_LINE_BYTES} bytes"
            raise Problem("too-large", detail, line=self._line_no)
        if end < 0:
            self._length += len(piece)
            return
        self._line_no += piece.count(b"\n")
        self._length = len(piece) - piece.rfind(b"\n") - 1


class LineStream(Response):
    """Lines as they come. When they fail on the way, the last line is the problem and the body is left unfinished.

    ends_with_client: nothing goes on for a client that has hung up. It is noticed with the next lines, also with none.
    """

    def __init__(self, lines: AsyncGenerator[bytes, None], *, ends_with_client: bool = False) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._lines, self._ends_with_client = lines, ends_with_client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Minting goes on for a client that hangs up: it asks again and gets the same links. The call is counted as 499.
        listening = asyncio.create_task(_until_hung_up(receive))
        try:
            first = await anext(self._lines, b"")  # a store that fails before the first lines still decides the status
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _body(send, first)
            await self._send_rest(send, listening)
        finally:
            listening.cancel()
            await self._lines.aclose()

    async def _send_rest(self, send: Send, listening: "asyncio.Task[None]") -> None:
        try:
            async for lines in self._lines:
                if self._ends_with_client and listening.done():
                    return
                await _body(send, lines)
        except (Problem, ClickHouseUnreachable, ClickHouseRefused, RedisError) as error:
            # Without the final chunk every client sees that the answer was cut off.
            log.error("answer_cut_off: a store failed while lines were sent", extra={"error": str(error)})
            problem = error if isinstance(error, Problem) else of_store(error) or Problem("unavailable", str(error))
            await _body(send, msgspec.json.encode(problem.body) + b"\n")
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(send: Send, lines: bytes) -> None:
    if not lines:
        return
    await send({"type": "http.response.body", "body": lines, "more_body": True})
