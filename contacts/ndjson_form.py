"""A list of contacts as NDJSON: an object a line, `contact_id` required."""

import msgspec

from contacts.line import Columns, ContactLine, Fault, columns_of
from runtime.json_faults import JsonFault, read_json

_decoder = msgspec.json.Decoder(ContactLine)


class NdjsonForm:
    def columns(self, lines: list[bytes]) -> Columns | None:
        text = b"".join(lines)
        # One object a line: the decoder alone would take an object that goes on in the next line, and two in one.
        if not text.startswith(b"{") or text.count(b"\n{") != len(lines) - 1:
            return None
        try:
            parsed = _decoder.decode_lines(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return columns_of(parsed) if len(parsed) == len(lines) else None

    def line(self, raw: bytes) -> ContactLine | Fault:
        if not raw.strip():
            return Fault("", "the line is empty; expected a JSON object with contact_id")
        try:
            line: ContactLine = read_json(raw, _decoder, "the line")
        except JsonFault as fault:
            return Fault(fault.field, fault.detail)
        return line
