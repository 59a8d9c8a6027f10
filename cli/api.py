"""Calls of the control API, and where it is."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

import aiohttp
import click
import msgspec

RUNNING = Path(os.environ.get("TAPTRAIL_DATA", ".taptrail")) / "running.json"  # written by `taptrail up`


class Service(msgspec.Struct, frozen=True):
    """Where the control API is, and the key to it."""

    url: str
    key: str

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **more}


def local_stack() -> dict[str, Any]:
    """The ready line of the running `taptrail up`; {} where none runs here."""
    try:
        ready: dict[str, Any] = json.loads(RUNNING.read_text())
    except (OSError, ValueError):
        return {}
    return ready


def service() -> Service:
    """Raises click.ClickException saying how to name the service."""
    local = local_stack()
    url = os.environ.get("TAPTRAIL_CONTROL_URL") or local.get("control", "")
    key = os.environ.get("TAPTRAIL_API_KEY") or local.get("api_key", "")
    if not url or not key:
        raise click.ClickException(
            f"set TAPTRAIL_CONTROL_URL and TAPTRAIL_API_KEY, or run `taptrail up` here ({RUNNING} is not there)"
        )
    return Service(url.rstrip("/"), key)


def call(method: str, path: str, body: Any = None, *, missing_ok: bool = False, **query: str | None) -> Any:
    """One call; gives the answer's JSON, or None for a 404 that is no fault. Raises click.ClickException."""
    return asyncio.run(_call(method, path, body, missing_ok, {k: v for k, v in query.items() if v is not None}))


async def _call(method: str, path: str, body: Any, missing_ok: bool, query: dict[str, str]) -> Any:
    where = service()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, where.url + path, json=body, params=query, headers=where.headers()) as response,
        ):
            if response.status == 404 and missing_ok:
                return None
            await raise_for(response)
            return await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise unreachable(where, error) from error


async def raise_for(response: aiohttp.ClientResponse, line_nos: Sequence[int] = ()) -> None:
    """Turn a problem document into one line for a person. line_nos: of the lines of the request, in their file."""
    if response.status < 400:
        return
    raise click.ClickException(described(await response.read(), f"the service answered {response.status}", line_nos))


def described(document: bytes, otherwise: str, line_nos: Sequence[int] = ()) -> str:
    """What a problem document says."""
    try:
        problem = json.loads(document)
        text = str(problem.get("detail") or problem.get("title") or otherwise)
        line = int(problem.get("line") or 0)
    except (ValueError, AttributeError):
        return otherwise
    if not line:
        return text
    return f"line {file_line(line, line_nos)}: {text.removeprefix(f'line {line}: ')}"


def file_line(line: int, line_nos: Sequence[int]) -> int:
    return line_nos[line - 1] if 0 < line <= len(line_nos) else line


def unreachable(where: Service, error: BaseException) -> click.ClickException:
    return click.ClickException(f"the service at {where.url} cannot be reached: {error or type(error).__name__}")


async def stream(
    path: str, body: IO[bytes], headers: dict[str, str], query: dict[str, str], line_nos: Sequence[int]
) -> AsyncIterator[bytes]:
    """POST lines and yield the lines of the answer as they arrive, many whole lines at a time."""
    where = service()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
    rest = b""
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as session,
            session.post(where.url + path, data=body, params=query, headers=where.headers(**headers)) as response,
        ):
            await raise_for(response, line_nos)
            async for piece in response.content.iter_any():
                lines, newline, tail = piece.rpartition(b"\n")
                if newline:
                    yield rest + lines + newline
                    rest = tail
                else:
                    rest += piece
    except (aiohttp.ClientError, TimeoutError) as error:
        raise unreachable(where, error) from error


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
