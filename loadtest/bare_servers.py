"""The yardstick of the guard: a redirect that looks nothing up and records nothing, as a bare ASGI callable."""

from typing import Any

HEADERS = [(b"location", b"https://shop.acme.example/spring"), (b"content-length", b"0")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 302, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b""})


async def rsgi(scope: Any, protocol: Any) -> None:
    """The same for granian's own interface."""
    protocol.response_empty(302, [("location", "https://shop.acme.example/spring")])
