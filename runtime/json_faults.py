"""What is wrong with JSON that does not fit its record, in words for a person."""

import re
from typing import Any

import msgspec

MAX_SHOWN = 60


def fault_of(error: msgspec.ValidationError, data: bytes) -> tuple[str, str]:
    """(field, what is wrong with it) of a JSON document that does not fit its record."""
    message, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    message = message[:1].lower() + message[1:]
    named = re.match(r"object (?:contains unknown|missing required) field `(.*)`", message, re.DOTALL)
    if named:
        field = ".".join(part for part in (path, shortened(named[1])) if part)
        unknown = "unknown" in message[:24]
        return field, f"field {field} is not known here" if unknown else f"field {field} is required"
    value = _value_at(msgspec.json.decode(data), path)
    return path, f"{path or 'the body'} is {described(value)}: {message.replace('`', '')}"


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
