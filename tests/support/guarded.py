"""A guarded server with an application of the test's own, and clients of it."""

import asyncio
from contextlib import asynccontextmanager

from runtime.guard.guard import Guard
from runtime.serve import HttpServer, listen

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = GET.replace(b"Host", b"Connection: close\r\nHost")
MEBIBYTE = 1 << 20


def post(body, path=b"/"):
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (path, len(body), body)


@asynccontextmanager
async def served(app, **options):
    guard, listener = Guard(1000, **options), listen("127.0.0.1", 0)
    server = HttpServer(app, listener, guard=guard, grace_s=5)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        yield port, guard
    finally:
        server.stop()
        await asyncio.wait_for(serving, 20)


async def opened(port, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def answers_to(port, data):
    """All that comes back until the server closes, or 30 s."""
    reader, writer = await opened(port, data)
    got = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return got


async def body_of(receive):
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        body += message["body"]
        more = message["more_body"]
    return bytes(body)


async def respond(send, body, *headers):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [*headers, (b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


async def echo(scope, receive, send):
    await respond(send, b"[%b %b]" % (scope["raw_path"], await body_of(receive)))
