"""ClickHouse's HTTP interface over the engine (ClickHouse docs, "HTTP interface")."""

import asyncio
import functools
import logging
import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from aiohttp import web

from stack.clickhouse import answers
from stack.clickhouse.bodies import decompress, receive
from stack.clickhouse.engine import Counts, Engine
from stack.clickhouse.errors import AUTHENTICATION_FAILED, READONLY, UNKNOWN_EXCEPTION, ClickHouseError
from stack.clickhouse.processes import Process, Processes
from stack.clickhouse.reach import Reach
from stack.clickhouse.request import Asked, asked_from, query_id_of
from stack.clickhouse.statement import Insert, Kill, Other, Select, with_processes
from stack.clickhouse.text import Text, read_text
from stack.clickhouse.users import ANALYST, User, authenticate, named_user

T = TypeVar("T")

log = logging.getLogger(__name__)


async def _continue(request: web.Request) -> None:
    """aiohttp's own handler fails at an Expect that is not ASCII; one that is not known may be ignored."""
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


class Server:
    """The handlers. folder: where bodies too large for memory are kept while they are taken in."""

    def __init__(self, engine: Engine, users: list[User], folder: Path, max_body_bytes: int) -> None:
        self._engine, self._users, self._folder, self._max_body_bytes = engine, users, folder, max_body_bytes
        self.processes = Processes(engine)
        self._reach = Reach(engine.table_functions())
        # Apart, so that no reader keeps a writer waiting and no analyst keeps the product waiting.
        self._writes = ThreadPoolExecutor(4, "write")
        self._reads = ThreadPoolExecutor(6, "read")
        self._analyses = ThreadPoolExecutor(3, "analyst")
        self._kills = ThreadPoolExecutor(1, "kill")

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ping", self.ping)
        app.router.add_get("/replicas_status", self.ping)
        app.router.add_route("*", "/", self.query, expect_handler=_continue)
        return app

    async def ping(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"Ok.\n", headers=self._headers(""))

    async def query(self, request: web.Request) -> web.StreamResponse:
        if request.method in ("GET", "HEAD") and not request.query and not request.can_read_body:
            return await self.ping(request)
        query_id = str(uuid.uuid4())
        try:
            user = self._user(request)
            query_id = query_id_of(request) or query_id
            with self.processes.begun(query_id, user.name) as process:
                return await self._answer(request, user, process)
        except ClickHouseError as error:
            return answers.refusal(error, self._headers(query_id))
        except Exception as error:
            log.exception("request_failed: could not answer a request")
            return answers.refusal(ClickHouseError(UNKNOWN_EXCEPTION, repr(error)), self._headers(query_id))

    def _user(self, request: web.Request) -> User:
        user = authenticate(self._users, request.headers, request.query)
        if user is None:
            raise ClickHouseError(
                AUTHENTICATION_FAILED,
                f"{named_user(request.headers, request.query)}: Authentication failed: password is incorrect,"
                " or there is no user with such name.",
                "AUTHENTICATION_FAILED",
            )
        return user

    async def _answer(self, request: web.Request, user: User, process: Process) -> web.StreamResponse:
        asked = asked_from(request, user, process)
        body = await self._body(request, process)
        text = await asyncio.to_thread(read_text, asked.query, body, user.role, self._reach, self._engine.written)
        process.query = text.shown
        match text.statement:
            case Insert():
                return await self._insert(asked, text, text.statement, process)
            case Select():
                seen = process.user if user.role == ANALYST else None
                select = with_processes(text.statement, lambda: self.processes.listing(seen))
                return await self._select(request, asked, select, process)
            case Kill():
                return await self._kill(asked, text.statement, process)
        return await self._run(asked, text, process)

    async def _body(self, request: web.Request, process: Process) -> IO[bytes]:
        """The whole body without its compression: until it is there, the engine hears nothing of it."""
        body = await receive(request.content, process, self._folder, self._max_body_bytes)
        encoding = request.headers.get("Content-Encoding", "")
        return await asyncio.to_thread(decompress, body, encoding, self._folder, self._max_body_bytes)

    async def _insert(self, asked: Asked, text: Text, insert: Insert, process: Process) -> web.StreamResponse:
        process.stops_in_engine = False
        counts = await self._in_engine(
            process, self._writes, lambda: self._engine.insert(asked.session, insert, text.rows)
        )
        return answers.whole(asked, self._headers(asked.query_id), asked.default_format, b"", counts)

    async def _run(self, asked: Asked, text: Text, process: Process) -> web.StreamResponse:
        pool = self._writes if text.statement == Other("INSERT") else self._pool(asked)
        body, counts = await self._in_engine(
            process, pool, lambda: self._engine.run(asked.session, text.whole(), asked.default_format)
        )
        return answers.whole(asked, self._headers(asked.query_id), asked.default_format, body, counts)

    async def _select(self, request: web.Request, asked: Asked, select: Select, process: Process) -> web.StreamResponse:
        process.only_reads = True
        read_end, write_end = os.pipe()

        def write() -> Counts:
            try:
                process.enter_engine()
                return self._engine.write_to(write_end, asked.session, select, asked.default_format)
            finally:
                os.close(write_end)

        running = self._start(process, self._pool(asked), write)
        output_format = select.format or asked.default_format
        try:
            async with answers.opened(read_end) as stream:
                head, is_whole = await answers.up_to(stream, asked.head_bytes)
                if is_whole:
                    counts = await asyncio.shield(running)
                    return answers.whole(asked, self._headers(asked.query_id), output_format, head, counts)
                streamed = answers.Streamed(request, asked, self._headers(asked.query_id), output_format)
                await streamed.begin()
                await streamed.write(head)
                async for chunk in answers.chunks(stream):
                    await streamed.write(chunk)
            try:
                await asyncio.shield(running)
            except ClickHouseError as error:
                return await streamed.fail(error)
            return await streamed.end()
        finally:
            if not running.done():
                await self.processes.stop(process)

    async def _kill(self, asked: Asked, kill: Kill, process: Process) -> web.StreamResponse:
        if asked.session.reads_only:
            raise ClickHouseError(READONLY, "Cannot execute query in readonly mode", "READONLY")
        sql = await self.processes.kill(kill, asked.session.parameters, process)
        name = kill.format or asked.default_format
        body, counts = await self._in_engine(process, self._kills, lambda: self._engine.run(asked.session, sql, name))
        return answers.whole(asked, self._headers(asked.query_id), name, body, counts)

    async def _in_engine(self, process: Process, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        def entered() -> T:
            process.enter_engine()
            return call()

        return await asyncio.shield(self._start(process, pool, entered))

    def _start(self, process: Process, pool: ThreadPoolExecutor, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run `call` in a thread of the pool. The process ends with the call, whether or not its client waits."""
        running = asyncio.get_running_loop().run_in_executor(pool, call)
        process.handed_over = True
        running.add_done_callback(functools.partial(self._ended, process))
        return running

    def _ended(self, process: Process, running: "asyncio.Future[T]") -> None:
        running.exception()  # looked at: nobody may be left to raise it to
        self.processes.end(process)

    def _pool(self, asked: Asked) -> ThreadPoolExecutor:
        return self._analyses if asked.session.role == ANALYST else self._reads

    def _headers(self, query_id: str) -> dict[str, str]:
        return {
            "X-ClickHouse-Server-Display-Name": "taptrail",
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self._engine.timezone,
        }
