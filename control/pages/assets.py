"""Style sheet, scripts and pictures of the pages: in memory, packed once, kept by browsers for a year."""

import asyncio
import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
    ".NOTICE": "text/plain; charset=utf-8",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    data: bytes
    media_type: str


def _read() -> dict[str, Asset]:
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in _TYPES)
    return {str(path.relative_to(FOLDER)): Asset(path.read_bytes(), _TYPES[path.suffix]) for path in files}


ASSETS = _read()
# One version for all of them: modules import each other by relative addresses, which then have it too.
VERSION = sha256(b"".join(name.encode() + one.data for name, one in ASSETS.items())).hexdigest()[:16]


def address_of(name: str) -> str:
    """Where a page finds an asset; KeyError for one that is not there."""
    return f"/static/{VERSION}/{name}" if ASSETS[name] else ""


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    asset = ASSETS.get(name)
    if asset is None:
        raise HTTPException(404)
    # While versions change over, a page of one process asks another process: it gets what is there, for now.
    is_current = request.path_params["version"] == VERSION
    headers = {
        "Cache-Control": _FOR_GOOD if is_current else "no-cache",
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.data, headers=headers, media_type=asset.media_type)
    packed = await asyncio.to_thread(_packed, name)
    return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(ASSETS[name].data, 9, mtime=0)


ROUTES = [Route("/static/{version}/{name:path}", _serve)]
