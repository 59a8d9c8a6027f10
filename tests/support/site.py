"""Landing pages on this machine, with certificates of a root of their own."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple

import trustme

PAGE = "<title>Sale</title><p>Forty pairs of shoes at half the price until Sunday, and not one hour longer"
_PAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)


class Site(NamedTuple):
    url: str  # https
    http: str
    expired: str  # https, with a certificate of last year
    soft: str  # https, with a page for what it does not have
    asked: list[str]  # paths


class _Pages(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path == "/gone":
            self._answer(404, "<title>Gone</title>")
        elif path == "/moment" and self.asked.count(self.path) == 1:
            self._answer(503, "<title>One moment</title>")
        elif path == "/robots":
            self._answer(403, "<title>No robots</title>")
        elif path == "/inside":
            self._answer(302, "", Location="http://10.255.0.1/admin")
        elif path == "/circle":
            self._answer(302, "", Location="/circle")
        elif path == "/next":
            self._answer(302, "", Location="/sale")
        elif path.startswith("/taptrail-"):
            self._answer(404, "<title>Not found</title>")
        else:
            self._answer(200, PAGE)

    def _answer(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked is in `asked`."""


class _SoftPages(_Pages):
    def do_GET(self) -> None:
        self._answer(200, "<title>Shop</title><p>We have nothing under this address, look at what is new instead")


@contextmanager
def site(root: trustme.CA) -> Iterator[Site]:
    good = root.issue_cert("localhost", "127.0.0.1")
    old = root.issue_cert("localhost", "127.0.0.1", not_before=_PAST[0], not_after=_PAST[1])
    asked: list[str] = []
    pages = type("Pages", (_Pages,), {"asked": asked})
    with (
        _serving(pages, good) as https, _serving(pages, old) as expired, _serving(pages, None) as http,
        _serving(_SoftPages, good) as soft,
    ):  # fmt: skip
        url, outdated, lenient = (f"https://localhost:{port}" for port in (https, expired, soft))
        yield Site(url, f"http://localhost:{http}", outdated, lenient, asked)


@contextmanager
def _serving(pages: type[BaseHTTPRequestHandler], certificate: trustme.LeafCert | None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
