"""A redirector as it is usually written, for comparison: Starlette, redis-py, one GET and one XADD a request."""

import os
import time

import redis.asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

client = redis.asyncio.Redis(port=int(os.environ.get("USUAL_REDIS_PORT", "6379")))


async def follow(request: Request) -> Response:
    code = request.path_params["code"]
    destination = await client.get(f"link:{code}")
    if destination is None:
        return PlainTextResponse("not found", 404)
    headers = request.headers
    await client.xadd(
        "clicks",
        {
            "code": code, "at": time.time(), "ip": request.client.host if request.client else "",
            "ua": headers.get("user-agent", ""), "lang": headers.get("accept-language", ""),
            "ref": headers.get("referer", ""), "host": headers.get("host", ""),
        },
    )  # fmt: skip
    return RedirectResponse(destination.decode(), 302, {"Cache-Control": "private, no-store"})


app = Starlette(routes=[Route("/{code}", follow)])
