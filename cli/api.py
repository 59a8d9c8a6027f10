"""Calls of the control API, and where it is."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any
from urllib.parse import quote, urlsplit

import click
import msgspec

from cli.plain import printable
from cli.wire import FAULTS, answered, lines_of
from records.text import BROADCAST_ID, control_character

RUNNING = Path(os.environ.get("TAPTRAIL_DATA") or ".taptrail") / "running.json"  # written by `taptrail up`
WARNING = "Taptrail-Warning"
NDJSON = {"Content-Type": "application/x-ndjson"}
_IN_PROGRESS_S = 30  # a control process that was killed holds on to what it minted for 15 s
_BROADCAST_ID = re.compile(BROADCAST_ID, re.ASCII)


warnings: list[str] = []  # of this command, as printed


class Refused(click.ClickException):
    """What a problem document says. line: of the request, 0 where it is about none."""

    def __init__(self, text: str, field: str = "", line: int = 0) -> None:
        super().__init__(text)
        self.field, self.line = field, line


class Service(msgspec.Struct, frozen=True):
    """Where the control API is, and the key to it."""

    url: str
    key: str

    @property
    def place(self) -> str:
        """For people: without what may be secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **more}


def local_stack() -> dict[str, Any]:
    """The ready line of the running `taptrail up`; {} where none runs here."""
    try:
        ready = json.loads(RUNNING.read_text())
    except (OSError, ValueError):
        return {}
    return ready if isinstance(ready, dict) else {}


def service() -> Service:
    """Raises click.ClickException saying how to name the service."""
    url, key = os.environ.get("TAPTRAIL_CONTROL_URL", ""), os.environ.get("TAPTRAIL_API_KEY", "")
    if not url:
        local = local_stack()
        url, key = local.get("control", ""), key or local.get("api_key", "")
        if not url:
            raise click.ClickException(
                f"set TAPTRAIL_CONTROL_URL and TAPTRAIL_API_KEY, or run `taptrail up` here ({RUNNING} is not there; "
                "TAPTRAIL_DATA names another --data)"
            )
    if not key:  # the local stack's key is no business of another service
        raise click.ClickException(f"TAPTRAIL_API_KEY is not set; expected the key to {url}")
    if not (key.isascii() and key.isprintable()):
        raise click.ClickException("TAPTRAIL_API_KEY=***: it holds characters that no key has; expected one key")
    return Service(checked_url("TAPTRAIL_CONTROL_URL", url).rstrip("/"), key)


def checked_url(variable: str, url: str) -> str:
    """Raises click.ClickException naming the variable; a password in the URL is not shown."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if usable:
        return url
    shown = f"***@{url.rpartition('@')[2]}" if "@" in url else url
    raise click.ClickException(f"{variable}={shown}: it is not the URL of a service; expected http[s]://host:port")


def segment(name: str, value: str, expected: str) -> str:
    """A value as one segment of a path; raises click.ClickException where it would lead elsewhere."""
    if value in ("", ".", "..") or "/" in value or not value.isprintable():
        raise click.ClickException(f"{name} is {value!r}; expected {expected}")
    return quote(value, safe="")


def broadcast_path(broadcast_id: str) -> str:
    if not _BROADCAST_ID.fullmatch(broadcast_id):
        expected = "1 to 128 characters of [A-Za-z0-9._:~-], the first a letter or digit, such as spring-sale"
        raise click.ClickException(f"the id of the broadcast is {broadcast_id!r}; expected {expected}")
    return f"/v1/broadcasts/{quote(broadcast_id, safe='')}"


def contact_path(contact_id: str) -> str:
    """Ids of contacts are in any script, and may hold slashes and the invisible joiners of scripts and emoji."""
    if contact_id in ("", ".", "..") or control_character(contact_id) is not None:
        expected = "the contact_id that its links were minted for"
        raise click.ClickException(f"the id of the contact is {contact_id!r}; expected {expected}")
    return f"/v1/contacts/{quote(contact_id, safe='')}"


def domain_path(domain: str) -> str:
    return f"/v1/domains/{segment('the domain', domain, 'a host name such as go.acme.example')}"


def call(method: str, path: str, body: Any = None, *, missing_ok: bool = False, **query: str | None) -> Any:
    """One call; gives the answer's JSON, or None for a 404 that is no fault. Raises click.ClickException."""
    data = _called(method, path, body, missing_ok, query)
    return json.loads(data) if data else None


def download(path: str, **query: str | int | None) -> bytes:
    """The file that a GET answers. Raises click.ClickException."""
    return _called("GET", path, None, False, query) or b""


def _called(method: str, path: str, body: Any, missing_ok: bool, query: Mapping[str, str | int | None]) -> bytes | None:
    """The body of the answer; None for a 404 that is no fault."""
    data, kind = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    with asked(method, path, data, kind, query) as answer:
        if answer.status == 404 and missing_ok and answer.headers.get_content_type() == "application/problem+json":
            return None
        raise_for(answer)
        return answer.read()


@contextmanager
def asked(
    method: str,
    path: str,
    body: bytes | IO[bytes] | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    query: Mapping[str, str | int | None] = MappingProxyType({}),
) -> Iterator[HTTPResponse]:
    """The service's answer, of any status; raises click.ClickException where it cannot be reached.

    query: what is None is left out.
    """
    where, given = service(), {name: str(value) for name, value in query.items() if value is not None}
    try:
        with answered(method, where.url + path, body, headers=where.headers(**headers), query=given) as answer:
            yield answer
    except (*FAULTS, ValueError) as error:
        detail = str(error) or type(error).__name__
        raise click.ClickException(f"the service at {where.place} cannot be reached: {detail}") from error


def warn(text: str) -> None:
    """Tell a person; kept for `warnings` of --json."""
    warnings.append(text)
    click.echo(f"Warning: {printable(text)}", err=True)


def raise_for(answer: HTTPResponse, line_nos: Sequence[int] = ()) -> None:
    """Turn a problem document into one line for a person, and show warnings. line_nos: of the lines of the request, in
    their file.
    """
    place = service().place
    if answer.status == 401:
        remedy = "set TAPTRAIL_API_KEY to one that is in force (`taptrail key create`, or TAPTRAIL_API_KEYS of control)"
        raise Refused(f"the service at {place} does not know this key; {remedy}")
    if answer.status >= 300:
        leads = f", to {answer.headers['Location']}" if "Location" in answer.headers else ""
        otherwise = f"{place} answered {answer.status}{leads}; does TAPTRAIL_CONTROL_URL name the control API?"
        raise described(answer.read(), otherwise, line_nos)
    for warning in answer.headers.get_all(WARNING, []):
        warn(warning)


def described(document: bytes, otherwise: str, line_nos: Sequence[int] = ()) -> Refused:
    """What a problem document says."""
    try:
        problem = json.loads(document)
        text = str(problem.get("detail") or problem.get("title") or otherwise)
        field, line = str(problem.get("field") or ""), int(problem.get("line") or 0)
    except (ValueError, TypeError, AttributeError):
        return Refused(otherwise)
    if not line:
        return Refused(text, field)
    return Refused(f"line {file_line(line, line_nos)}: {text.removeprefix(f'line {line}: ')}", field, line)


def file_line(line: int, line_nos: Sequence[int]) -> int:
    return line_nos[line - 1] if 0 < line <= len(line_nos) else line


def stream(
    path: str, body: IO[bytes], headers: Mapping[str, str], query: Mapping[str, str | None], line_nos: Sequence[int]
) -> Iterator[bytes]:
    """POST lines and yield the lines of the answer as they arrive, many whole lines at a time.

    Waits while another request does the same.
    """
    wait_until = time.monotonic() + _IN_PROGRESS_S
    while True:
        with asked("POST", path, body, headers, query) as answer:
            pause = answer.headers["Retry-After"]
            if answer.status != 409 or pause is None or time.monotonic() >= wait_until:
                raise_for(answer, line_nos)
                yield from lines_of(answer)
                return
        time.sleep(float(pause))
