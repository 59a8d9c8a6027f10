"""Headers that keep a browser from doing more with an answer than show it."""

import base64
from collections.abc import Sequence
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# No sniffing of types (Fetch standard 3.6), and a page tells its address to no site that it links to.
ALWAYS = (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"))


def content_policy(style: str = "", images: str = "") -> tuple[str, str]:
    """The header by which a page may use this one style sheet, inline, and nothing else (CSP level 3).

    images: the one origin that images may come from.
    """
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    styles = f"; style-src 'sha256-{digest}'" if style else ""
    pictures = f"; img-src {images}" if images else ""
    policy = f"default-src 'none'{styles}{pictures}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return "content-security-policy", policy


class SecurityHeaders:
    """Gives every answer of an application these headers, where it has none of that name itself."""

    def __init__(self, app: ASGIApp, headers: Sequence[tuple[str, str]] = (*ALWAYS, content_policy())) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                more = [header for header in self._headers if header[0] not in own]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
