"""Calls of the control API, and where it is."""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

import aiohttp
import click
import msgspec

from cli.show import printable
from records.text import BROADCAST_ID, control_character

RUNNING = Path(os.environ.get("TAPTRAIL_DATA") or ".taptrail") / "running.json"  # written by `taptrail up`
WARNING = "Taptrail-Warning"
_CONNECT_S = 10
_LINES_S = 300  # longest silence between two lines of an answer
_IN_PROGRESS_S = 30  # a control process that was killed holds on to what it minted for 15 s
_PIECE_BYTES = 256 * 1024
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
    return asyncio.run(_call(method, path, body, missing_ok, {k: v for k, v in query.items() if v is not None}))


def download(path: str, **query: str | None) -> bytes:
    """The file that a GET answers. Raises click.ClickException."""
    named = {name: value for name, value in query.items() if value is not None}
    found: bytes = asyncio.run(_call("GET", path, None, False, named, is_file=True))
    return found


async def _call(
    method: str, path: str, body: Any, missing_ok: bool, query: dict[str, str], *, is_file: bool = False
) -> Any:
    where = service()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, where.url + path, json=body, params=query, headers=where.headers()) as response,
        ):
            if response.status == 404 and missing_ok and response.content_type == "application/problem+json":
                return None
            await raise_for(response)
            for warning in response.headers.getall(WARNING, []):
                warn(warning)
            if is_file:
                return await response.read()
            return None if response.status == 204 else await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise unreachable(where, error) from error


def warn(text: str) -> None:
    """Tell a person; kept for `warnings` of --json."""
    warnings.append(text)
    click.echo(f"Warning: {printable(text)}", err=True)


async def raise_for(response: aiohttp.ClientResponse, line_nos: Sequence[int] = ()) -> None:
    """Turn a problem document into one line for a person. line_nos: of the lines of the request, in their file."""
    if response.status < 400:
        return
    place = response.url.origin()
    if response.status == 401:
        remedy = "set TAPTRAIL_API_KEY to one that is in force (`taptrail key create`, or TAPTRAIL_API_KEYS of control)"
        raise Refused(f"the service at {place} does not know this key; {remedy}")
    otherwise = f"{place} answered {response.status}; does TAPTRAIL_CONTROL_URL name the control API?"
    raise described(await response.read(), otherwise, line_nos)


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


def unreachable(where: Service, error: BaseException) -> click.ClickException:
    return click.ClickException(f"the service at {where.url} cannot be reached: {error or type(error).__name__}")


async def stream(
    path: str,
    body: IO[bytes],
    headers: dict[str, str],
    query: dict[str, str],
    line_nos: Sequence[int],
    *,
    whole: bool = False,
) -> AsyncIterator[bytes]:
    """POST lines and yield the lines of the answer as they arrive, many whole lines at a time.

    Waits while another request does the same. whole: the answer is one document.
    """
    where = service()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_LINES_S)
    headers = where.headers(**headers, **{"Content-Length": str(body.seek(0, os.SEEK_END))})
    wait_until = time.monotonic() + _IN_PROGRESS_S
    try:
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as session:
            while True:
                async with session.post(
                    where.url + path, data=_pieces(body), params=query, headers=headers
                ) as response:
                    if response.status == 409 and "Retry-After" in response.headers and time.monotonic() < wait_until:
                        await asyncio.sleep(float(response.headers["Retry-After"]))
                        continue
                    await raise_for(response, line_nos)
                    for warning in response.headers.getall(WARNING, []):
                        warn(warning)
                    if whole:
                        yield await response.read()
                        return
                    async for lines in _lines(response.content):
                        yield lines
                    return
    except (aiohttp.ClientError, TimeoutError) as error:
        raise unreachable(where, error) from error


async def _pieces(body: IO[bytes]) -> AsyncIterator[bytes]:
    body.seek(0)
    while piece := body.read(_PIECE_BYTES):
        yield piece


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in content.iter_any():
        lines, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield rest + lines + newline
            rest = tail
        else:
            rest += piece
