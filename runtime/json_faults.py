"""Reads JSON as its record; what is wrong with it is told in words for a person."""

import json
import re
from typing import Any, NoReturn

import msgspec

from runtime.json_text import LEAST, MAX_DEPTH, MOST, TextFault, fault_in

MAX_SHOWN = 60
# What a decoder raises: RecursionError for nested brackets, ValueError for integers that Python does not convert.
_REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class JsonFault(Exception):
    """What is wrong with a document. field: which of its values, "" where it is the document as a whole.

    is_json: whether it is JSON at all; a value may be wrong and the text end in the middle, which is no JSON then.
    line, column: where in the text, from 1; 0 where the field says it.
    """

    def __init__(self, field: str, detail: str, *, is_json: bool, line: int = 0, column: int = 0) -> None:
        super().__init__(detail)
        self.field, self.detail, self.is_json, self.line, self.column = field, detail, is_json, line, column


def read_json(data: bytes, decoder: "msgspec.json.Decoder[Any]", what: str = "the body") -> Any:
    """The document as its record; raises JsonFault, whatever the bytes are. what: names the document."""
    try:
        record = decoder.decode(data)
    except _REFUSALS as error:
        _raise(error, data, what)
    if not _is_plain(data) and (fault := fault_in(data)):
        raise _of_text(fault, data, what)
    return record


def _raise(error: Exception, data: bytes, what: str) -> NoReturn:
    """The text first: a decoder stops at the first value that does not fit, wherever the text is broken."""
    if fault := fault_in(data):
        raise _of_text(fault, data, what) from None
    if isinstance(error, msgspec.ValidationError):
        raise JsonFault(*_fault_of(error, data, what), is_json=True) from None
    raise JsonFault("", f"{what} cannot be read: {shortened(str(error))}", is_json=False) from None


def _is_plain(data: bytes) -> bool:
    """Whether a text that a decoder took has no fault: a no is a maybe. 5 us for a small one, a sixth of fault_in."""
    try:
        level = [json.loads(data, object_pairs_hook=_differing, parse_int=_held)]
    except (ValueError, RecursionError):
        return False
    for _ in range(MAX_DEPTH + 1):
        level = [each for one in level if isinstance(one, list | dict) for each in _inside(one)]
        if not level:
            return True
    return False


def _differing(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _held(digits: str) -> int:
    if len(digits) > 20 or not LEAST <= (number := int(digits)) <= MOST:
        raise ValueError("more than 64 bits")
    return number


def _inside(container: "list[Any] | dict[str, Any]") -> "list[Any]":
    return container if isinstance(container, list) else list(container.values())


def _of_text(fault: TextFault, data: bytes, what: str) -> JsonFault:
    """Line and column, both from 1, the column in characters; the column alone where there is one line."""
    place = f"line {fault.line}, column {fault.column}" if b"\n" in data.rstrip() else f"column {fault.column}"
    said = f"{what} is not JSON: {fault.error}" if fault.is_malformed else f"{fault.field or what}: {fault.error}"
    return JsonFault(
        fault.field, f"{said} ({place})", is_json=not fault.is_malformed, line=fault.line, column=fault.column
    )


def _fault_of(error: msgspec.ValidationError, data: bytes, what: str) -> tuple[str, str]:
    """(field, what is wrong with it) of a JSON document that does not fit its record."""
    message, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    message = message[:1].lower() + message[1:]
    named = re.match(r"object (?:contains unknown|missing required) field `(.*)`", message, re.DOTALL)
    if named:
        field = ".".join(part for part in (path, shortened(named[1])) if part)
        unknown = "unknown" in message[:24]
        return field, f"field {field} is not known here" if unknown else f"field {field} is required"
    message = message.replace("`", "")
    value = _value_at(msgspec.json.decode(data), path)
    return path, f"{path or what} is {described(value)}: {message}"


def described(value: Any) -> str:
    """A value as an error message shows it: short whatever its size."""
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        return f"{shortened(value)!r} ({len(value)} characters)"
    return shortened(msgspec.json.encode(value).decode("utf-8", "replace"))


def shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _value_at(document: Any, path: str) -> Any:
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(document, list) and part.isdigit():
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return document
    return document
