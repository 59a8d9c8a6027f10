"""What a request says beside its body: in its query, path and headers. Each raises Problem that names the part."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, get_args

import msgspec
from starlette.requests import Request

from control.access.caller import Caller
from control.http.problems import invalid
from records.forms import Time, milliseconds
from records.hosts import ascii_host
from runtime.json_faults import described

MAX_AUDIT_HOURS = 24 * 366
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")  # float() also takes 1_0, other digits and exponents


def account_of(request: Request, caller: Caller, in_body: str | None = None) -> str:
    """The account that the call is about."""
    return caller.account(request.query_params.get("account"), in_body)


def flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(name, f"{name} is {described(text)}; expected true or false")
    return text == "true"


def one_of(request: Request, name: str, choices: Any) -> Any:
    """One of the texts of a Literal, None where the query does not say."""
    text = request.query_params.get(name)
    if text is None or text in (known := get_args(choices)):
        return text
    raise invalid(name, f"{name} is {described(text)}; expected {' or '.join(known)}")


def choice(request: Request, name: str, known: tuple[str, ...]) -> str:
    """One of the words; the first of them where the call names none."""
    text = request.query_params.get(name, known[0])
    if text not in known:
        raise invalid(name, f"{name} is {described(text)}; expected {' or '.join(known)}")
    return text


def time_of(request: Request, name: str = "since") -> datetime | None:
    """RFC 3339, of a year in which messages can have been sent."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        time: datetime = msgspec.convert(text, Time)
    except msgspec.ValidationError:
        expected = "expected RFC 3339 with an offset, such as 2026-05-01T09:00:00Z (%2B for a plus sign)"
        raise invalid(name, f"{name} is {described(text)}; {expected}") from None
    try:
        milliseconds(time)
    except ValueError as error:
        raise invalid(name, f"{name} {error}") from None
    return time


def hosts(field: str, hosts: Sequence[str]) -> frozenset[str]:
    """The hosts as they are compared."""
    found = [ascii_host(host) or ascii_host(f"[{host}]") for host in hosts]
    for given, host in zip(hosts, found, strict=True):
        if host is None:
            raise invalid(field, f"{field} holds {described(given)}; expected hosts like shop.example, without ports")
    return frozenset(host for host in found if host)


def hours(request: Request) -> float:
    text = request.query_params.get("hours", "24")
    with suppress(ValueError):
        if _NUMBER.fullmatch(text) and 0 < (hours := float(text)) <= MAX_AUDIT_HOURS:
            return hours
    raise invalid("hours", f"hours is {described(text)}; expected a number above 0, up to {MAX_AUDIT_HOURS}")


def whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return int(text)
    raise invalid(name, f"{name} is {described(text)}; expected a whole number from {least:,} to {most:,}")


def index_of(request: Request) -> int:
    text: str = request.path_params["index"]
    if text.isascii() and text.isdigit() and len(text) <= 3:
        return int(text)
    raise invalid("index", f"index is {described(text)}; expected the number of a destination, from 0")


def idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not key.strip():
        raise invalid("Idempotency-Key", "Idempotency-Key is empty; expected a text that you choose, or no such header")
    if len(key) > 255 or not key.isprintable():
        raise invalid("Idempotency-Key", "Idempotency-Key has more than 255 characters, or some that do not print")
    return key
