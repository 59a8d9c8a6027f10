"""A server in front of ClickHouse that hands every statement on and notes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

PING = b"SELECT 1"  # asked once a second by every process
KEYS = b"FROM taptrail_internal.api_keys FINAL"  # read whenever another process may have changed them
FORGET = b"HAVING maxIf(done_at, step = 'linked') >"  # asked once a second: erasures whose links Redis still has


class Statements:
    def __init__(self, clickhouse_url: str) -> None:
        self._upstream = urlsplit(clickhouse_url)
        self.noted: list[str] = []
        self.url = ""

    @asynccontextmanager
    async def noting(self) -> AsyncIterator["Statements"]:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._hand_on)
        runner = web.AppRunner(app)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            login = self._upstream.netloc.rpartition("@")[0]
            self.url = f"http://{login}@127.0.0.1:{runner.addresses[0][1]}"
            yield self
            await runner.cleanup()

    async def _hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body != PING and KEYS not in body and FORGET not in body and request.path == "/":
            query = [f"{name}={text}" for name, text in sorted(request.query.items()) if name != "query_id"]
            self.noted.append("\n".join([body.decode("utf-8", "replace"), *query]))
        target = f"http://{self._upstream.hostname}:{self._upstream.port}{request.raw_path}"
        headers = {name: text for name, text in request.headers.items() if name.startswith("X-ClickHouse")}
        async with self._session.request(request.method, target, data=body, headers=headers) as answer:
            kept = {name: text for name, text in answer.headers.items() if name.startswith("X-ClickHouse")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)
