"""A list of contacts as NDJSON: an object a line, `contact_id` required."""

import msgspec

from contacts.line import Columns, ContactLine, Fault, columns_of
from runtime.json_faults import fault_of

_decoder = msgspec.json.Decoder(ContactLine)


class NdjsonForm:
    def columns(self, lines: list[bytes]) -> Columns | None:
        try:
            parsed = _decoder.decode_lines(b"".join(lines))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return columns_of(parsed) if len(parsed) == len(lines) else None

    def line(self, raw: bytes) -> ContactLine | Fault:
        if not raw.strip():
            return Fault("", "the line is empty; expected a JSON object with contact_id")
        try:
            raw.decode()
            return _decoder.decode(raw)
        except UnicodeDecodeError as error:
            return Fault("", f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8")
        except msgspec.ValidationError as error:
            return Fault(*fault_of(error, raw))
        except msgspec.DecodeError as error:
            return Fault("", f"the line is not JSON: {error}")
