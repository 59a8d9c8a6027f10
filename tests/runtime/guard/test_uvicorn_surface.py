"""What of uvicorn the guard and runtime/serve.py stand on; an upgrade that takes something away is named here."""

import asyncio
import inspect

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

ARGUMENTS = {
    Config: {
        "app", "loop", "lifespan", "access_log", "log_config", "ws", "server_header", "date_header", "proxy_headers",
        "backlog", "timeout_graceful_shutdown", "timeout_keep_alive", "http",
    },
    HttpToolsProtocol: {"config", "server_state", "app_state", "_loop"},
    Server.serve: {"sockets"},
    Server.shutdown: {"sockets"},
}  # fmt: skip
MEMBERS = {
    HttpToolsProtocol: {"connection_made", "data_received", "connection_lost", "pause_writing", "resume_writing"},
    Server: {"serve", "shutdown", "capture_signals"},
}
ATTRIBUTES = {
    HttpToolsProtocol: {"cycle", "headers", "scope"},
    ServerState: {"connections"},
    Server: {"server_state", "should_exit"},
}


def missing():
    config = Config(None)
    config.load()
    protocol = HttpToolsProtocol(config, ServerState(), {}, asyncio.new_event_loop())
    made = {HttpToolsProtocol: protocol, ServerState: ServerState(), Server: Server(config)}
    for of, names in ARGUMENTS.items():
        yield from (f"{of.__qualname__}({name}=)" for name in names - set(inspect.signature(of).parameters))
    for of, names in MEMBERS.items():
        yield from (f"{of.__qualname__}.{name}()" for name in names if not callable(getattr(of, name, None)))
    for of, names in ATTRIBUTES.items():
        yield from (f"{of.__qualname__}.{name}" for name in names if not hasattr(made[of], name))
    if not issubclass(HttpToolsProtocol, asyncio.Protocol):
        yield "HttpToolsProtocol as an asyncio.Protocol"
    if not isinstance(getattr(made[ServerState], "connections", None), set):
        yield "ServerState.connections as a set"


def test_uvicorn_has_all_that_is_used_of_it():
    gone = sorted(missing())

    assert not gone, f"uvicorn {uvicorn.__version__} lacks {', '.join(gone)}"
