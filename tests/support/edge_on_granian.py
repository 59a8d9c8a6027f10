"""The edge's application alone, on an ASGI server that is not ours: python -m tests.support.edge_on_granian"""

import asyncio
import os
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from edge.app import edge_app
from edge.visit import visit_reader
from records.networks import Networks
from tests.support.edge_parts import edge_parts


async def serve(environ: dict[str, str]) -> None:
    stores = environ["TAPTRAIL_REDIS_URL"], environ["TAPTRAIL_CLICKHOUSE_URL"]
    async with edge_parts(*stores, Path(environ["TAPTRAIL_SPOOL_DIR"])) as parts:
        app = edge_app(parts.redirector, parts.walker, visit_reader(Networks()), prove=lambda host, mark: "")
        await Server(
            app, port=int(environ["TAPTRAIL_PORT"]), interface=Interfaces.ASGINL, http=HTTPModes.http1,
            http1_settings=HTTP1Settings(), websockets=False,
        ).serve()  # fmt: skip


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(dict(os.environ)))
