"""Reads JSON as its record; what is wrong with it is told in words for a person."""

import re
from typing import Any

import msgspec

MAX_SHOWN = 60
_BYTE = re.compile(r" \(byte (\d+)\)$")


class JsonFault(Exception):
    """What is wrong with a document. field: which of its values, "" where it is the document as a whole.

    is_json: whether it is JSON at all; a value may be wrong and the text end in the middle, which is no JSON then.
    """

    def __init__(self, field: str, detail: str, *, is_json: bool) -> None:
        super().__init__(detail)
        self.field, self.detail, self.is_json = field, detail, is_json


def read_json(data: bytes, decoder: "msgspec.json.Decoder[Any]", what: str = "the body") -> Any:
    """The document as its record; raises JsonFault, whatever the bytes are. what: names the document."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        _check_json(data, what)
        raise JsonFault(*_fault_of(error, data, what), is_json=True) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JsonFault("", _not_json(error, data, what), is_json=False) from None


def _check_json(data: bytes, what: str) -> None:
    """Raises JsonFault for what is no JSON behind the first value that is wrong."""
    try:
        _anything.decode(data)
    except msgspec.ValidationError:  # a number that no machine holds is JSON all the same
        return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JsonFault("", _not_json(error, data, what), is_json=False) from None


_anything: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


def _not_json(error: Exception, data: bytes, what: str) -> str:
    if isinstance(error, RecursionError):
        return f"{what} is nested too deep; no value of it needs more than a few levels"
    try:
        data.decode()
    except UnicodeDecodeError as fault:
        where, byte = _where(data, fault.start), data[fault.start]
        return f"{what} is not UTF-8: {where} holds byte 0x{byte:02x}, which no character of UTF-8 has there"
    said = str(error).removeprefix("JSON is malformed: ")
    found = _BYTE.search(said)
    position, reason = (int(found[1]), said[: found.start()]) if found else (len(data), "it ends too early")
    if reason == "trailing characters":  # of which msgspec has read one
        position -= 1
    return f"{what} is not JSON: {reason} ({_where(data, position)})"


def _where(data: bytes, position: int) -> str:
    """Line and column, both from 1, the column in characters; the column alone where there is one line."""
    before = data[:position]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return f"line {line}, column {column}" if b"\n" in data.rstrip() else f"column {column}"


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
    try:
        value = _value_at(_anything.decode(data), path)
    except msgspec.ValidationError:
        return path, f"{path or what} is not a number that fits: {message}"
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
