"""The way to a server, which the test can block: a firewall that drops, or a host where nobody listens any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class BlackholeProxy:
    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._free = asyncio.Event()
        self._free.set()
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["BlackholeProxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        login, at, _ = self._to.netloc.rpartition("@")
        self.url = urlunsplit(self._to._replace(netloc=f"{login}{at}127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        try:
            yield self
        finally:
            self.cut()
            server.close()

    @property
    def connections(self) -> int:
        return len(self._writers) // 2

    def silence(self) -> None:
        """Connections are taken and nothing is ever answered."""
        self._free.clear()

    def cut(self) -> None:
        """Every connection ends at once."""
        self._cut = True
        for writer in self._writers:
            writer.close()

    def free(self) -> None:
        self._cut = False
        self._free.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._writers |= {writer, back}
        await asyncio.gather(self._hand_on(reader, back), self._hand_on(there, writer))
        self._writers -= {writer, back}

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._free.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
