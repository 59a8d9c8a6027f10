"""The contestants of `make bench`: each serves redirects on PORT with its Redis, all of it on one core."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import hiredis
import msgspec
import redis

from loadtest.cpu_time import cpu_s
from records.broadcast import Broadcast, encode_broadcast
from records.click import whole_frames
from records.code import CodeCipher
from records.domain import Domain, encode_domain
from records.keys import (
    ALLOCATED,
    BLOCK_SIZE,
    ENTRY_FIELD,
    LANES,
    WATERMARKS,
    broadcast_key,
    click_stream,
    domain_key,
)
from records.lane_registry import LaneReport
from records.link import Link
from records.link_writes import link_writes
from stack.valkey import valkey_command

HOST = "go.acme.example"
CODE_KEY = bytes(range(16))
PORT, OPS_PORT, REDIS_PORT = 18080, 18081, 18082
SERVER_CORE = "0"
LINKS_AT_ONCE = 500 * BLOCK_SIZE
LINKS_KEPT_S = 90 * 86_400
DESTINATION = "https://shop.acme.example/spring"

NGINX = """
worker_processes 1; daemon off; error_log {folder}/error.log crit; pid {folder}/nginx.pid;
{modules}
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; keepalive_timeout 75;
    {http}
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {location} }} }}
}}
"""
LUA_MODULES = (
    "load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"
)
LUA_LOCATION = """
content_by_lua_block {
    local redis = require "nginx.redis"
    local client = redis:new()
    client:set_timeout(1000)
    if not client:connect("127.0.0.1", REDIS_PORT) then return ngx.exit(503) end
    local code = string.sub(ngx.var.uri, 2)
    local destination = client:get("link:" .. code)
    if destination == ngx.null or not destination then return ngx.exit(404) end
    client:xadd("clicks", "*", "code", code, "at", ngx.now(), "ip", ngx.var.remote_addr,
        "ua", ngx.var.http_user_agent or "", "lang", ngx.var.http_accept_language or "",
        "ref", ngx.var.http_referer or "", "host", ngx.var.host)
    client:set_keepalive(60000, 512)
    ngx.header["Cache-Control"] = "private, no-store"
    return ngx.redirect(destination, 302)
}
"""


class Contestant:
    """A server under test. recorded(): clicks that reached the Redis stream since the start."""

    name = ""
    records = True

    def __init__(self, folder: Path, links: int) -> None:
        self.folder = folder / type(self).__name__
        self.folder.mkdir(parents=True, exist_ok=True)
        self.links = links
        self.processes: list[subprocess.Popen[bytes]] = []
        self.redis = redis.Redis(port=REDIS_PORT)

    def start(self, code: str) -> None:
        self.start_redis()
        self.serve()
        _until(lambda: answers(code))

    def start_redis(self) -> None:
        """Its Redis, with the links in it."""
        self._spawn(valkey_command(self.folder / "redis", REDIS_PORT, max_memory_bytes=8 << 30))
        _until(lambda: bool(self.redis.ping()))
        self.redis.config_set("auto-aof-rewrite-percentage", 0)  # else it falls into one round or another
        self.redis.config_set("appendfsync", "no")
        if not self.redis.dbsize():
            self.seed()
        self.redis.config_set("appendfsync", "everysec")  # the default, and as stack/valkey.py has it

    def seed(self) -> None:
        """One string a link, as redirectors usually keep them."""
        cipher = CodeCipher(CODE_KEY)
        for start in range(0, self.links, 10_000):
            pipe = self.redis.pipeline(transaction=False)
            for link_id in range(start, min(start + 10_000, self.links)):
                pipe.set(f"link:{cipher.seal(link_id)}", DESTINATION)
            pipe.execute()

    def serve(self) -> None:
        raise NotImplementedError

    def consume(self) -> None:
        """What goes on beside the load; called again and again."""

    def recorded(self) -> int:
        return int(self.redis.xlen("clicks"))

    def cpu_s(self) -> float:
        """CPU time of the server, its workers and its Redis, so far."""
        return cpu_s(*(process.pid for process in self.processes))

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        self.processes.clear()

    def _spawn(self, command: Sequence[str], **environ: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    ["taskset", "-c", SERVER_CORE, *command], stdout=log, stderr=log, env=os.environ | environ
                )
            )

    def _uvicorn(self, app: str) -> None:
        self._spawn(
            [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(PORT), "--loop", "uvloop",
             "--http", "httptools", "--no-access-log", "--log-level", "error"],
            USUAL_REDIS_PORT=str(REDIS_PORT),
        )  # fmt: skip

    def _granian(self, app: str, interface: str, *options: str) -> None:
        self._spawn(
            [sys.executable, "-m", "granian", "--interface", interface, "--host", "127.0.0.1",
             "--port", str(PORT), "--loop", "uvloop", "--no-ws", "--log-level", "error", *options, app],
            USUAL_REDIS_PORT=str(REDIS_PORT),
        )  # fmt: skip

    def _nginx(self, location: str, modules: str = "", http: str = "") -> None:
        config = NGINX.format(folder=self.folder, modules=modules, http=http, port=PORT, location=location)
        (self.folder / "nginx.conf").write_text(config.replace("REDIS_PORT", str(REDIS_PORT)))
        self._spawn(
            ["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "e")]
        )


class Taptrail(Contestant):
    name = "Taptrail edge"
    module: tuple[str, ...] = ("edge",)

    def seed(self) -> None:
        self.redis.set(domain_key(HOST), encode_domain(Domain(HOST, "main", "Acme")))
        self.redis.set(broadcast_key(1), encode_broadcast(Broadcast(1, "main", "spring", HOST, (DESTINATION,))))
        connection = self.redis.connection_pool.get_connection()  # a pipeline takes three times as long to pack
        for start in range(0, self.links, LINKS_AT_ONCE):
            link_ids = range(start, min(start + LINKS_AT_ONCE, self.links))
            links = (Link(1, 0, 0, f"c-{link_id:08d}") for link_id in link_ids)
            commands = [hiredis.pack_command(tuple(write)) for write in link_writes(link_ids, links, LINKS_KEPT_S)]
            connection.send_packed_command(commands, check_health=False)
            for _ in commands:
                connection.read_response()
        self.redis.connection_pool.release(connection)
        self.redis.set(ALLOCATED, self.links)

    def serve(self) -> None:
        self._seen, self._ended = 0, 0
        self._spawn(
            [sys.executable, "-m", *self.module],
            TAPTRAIL_CODE_KEY=CODE_KEY.hex(), TAPTRAIL_REDIS_URL=f"redis://127.0.0.1:{REDIS_PORT}/0",
            TAPTRAIL_CLICKHOUSE_URL="http://x:x@127.0.0.1:1", TAPTRAIL_SPOOL_DIR=str(self.folder / "spool"),
            TAPTRAIL_PORT=str(PORT), TAPTRAIL_OPS_PORT=str(OPS_PORT), TAPTRAIL_DRAIN_S="0",
        )  # fmt: skip

    def consume(self) -> None:
        """Read, count and trim the stream, as an aggregator does; its own work is on another machine."""
        for name in self.redis.hkeys(LANES):
            key = click_stream(int(name, 16))
            entries = self.redis.xrange(key, count=2000)
            for _, fields in entries:
                _, first, last = whole_frames(fields[ENTRY_FIELD])
                self._seen += last - first + 1
            if entries:
                last_id = int(entries[-1][0].partition(b"-")[0])
                self.redis.hset(WATERMARKS, name.decode(), last_id)
                self.redis.xtrim(key, minid=f"{last_id + 1}-0", approximate=False)

    def recorded(self) -> int:
        _until(self._all_shipped, 60)
        self.consume()
        return self._seen

    def _all_shipped(self) -> bool:
        self.consume()
        states = [msgspec.json.decode(value, type=LaneReport) for value in self.redis.hvals(LANES)]
        return bool(states) and all(state.answered == state.shipped for state in states)

    def stop(self) -> None:
        super().stop()
        subprocess.run(["rm", "-rf", str(self.folder / "spool")], check=True)


class NginxReturn(Contestant):
    name = "nginx `return 302` (no look-up, no record)"
    records = False

    def serve(self) -> None:
        self._nginx(f"return 302 {DESTINATION};")

    def seed(self) -> None: ...


class NginxLua(Contestant):
    name = "nginx + Lua + Redis (GET, XADD)"

    def serve(self) -> None:
        self.redis.delete("clicks")
        path = 'lua_package_path "/usr/share/lua/5.1/?.lua;;";'
        self._nginx(LUA_LOCATION, LUA_MODULES, path)


class Bare(Contestant):
    name = "a bare ASGI callable on uvicorn"
    records = False

    def serve(self) -> None:
        self._uvicorn("loadtest.bare_servers:app")

    def seed(self) -> None: ...


class Usual(Contestant):
    name = "Starlette + redis-py on uvicorn"

    def serve(self) -> None:
        self.redis.delete("clicks")
        self._uvicorn("loadtest.baseline_starlette:app")


class UsualGranian(Usual):
    name = "Starlette + redis-py on granian"

    def serve(self) -> None:
        self.redis.delete("clicks")
        self._granian("loadtest.baseline_starlette:app", "asgi")


CONTESTANTS: tuple[type[Contestant], ...] = (Taptrail, NginxReturn, NginxLua, Usual, UsualGranian)


def answers(code: str) -> bool:
    """Whether a tap is redirected."""
    connection = HTTPConnection("127.0.0.1", PORT, timeout=2)
    try:
        connection.request("HEAD", f"/{code}", headers={"Host": HOST})
        return connection.getresponse().status == 302
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _until(condition: Callable[[], bool], longest_s: float = 30) -> None:
    deadline = time.monotonic() + longest_s
    while True:
        with suppress(OSError, HTTPException, redis.exceptions.RedisError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise TimeoutError("a contestant did not come up")
        time.sleep(0.1)
