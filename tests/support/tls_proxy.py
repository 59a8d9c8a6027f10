"""TLS in front of a server that speaks none, with a certificate that the running test trusts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme


@asynccontextmanager
async def with_tls(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The URL, rediss://localhost:PORT/DB, that leads to the Redis at `url`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))  # OpenSSL: what default contexts trust
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    to = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(to.hostname, to.port)
        await asyncio.gather(_pass_on(reader, server), _pass_on(answers, writer))

    proxy = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    try:
        yield f"rediss://localhost:{proxy.sockets[0].getsockname()[1]}{to.path}"
    finally:
        proxy.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
