"""Hardened connections for a port: they bound the memory and the time that any client can hold.

    guard = Guard(most_connections())
    server = HttpServer(app, listener, guard=guard)   # a port without a guard of its own gets a small one

A guarded connection stands between the event loop and uvicorn. It cuts what the client sends into requests
(`reader.py`), gives them to uvicorn one at a time and whole up to the end of their head, and ends what takes too long
or sends too much. Nothing of this is logged: an attacker could fill the logs.

No private name of uvicorn is used. `tests/runtime/guard/test_uvicorn_surface.py` names what an upgrade lacks of this:
- `Config(http=...)`: a callable, called with `config`, `server_state`, `app_state` and `_loop`, makes the protocol of a
  connection; `Config(timeout_keep_alive=...)`;
- `ServerState.connections`: a set; a stop calls `shutdown()` of each member and waits until the set is empty;
- `HttpToolsProtocol(config, server_state, app_state, _loop)`, a protocol of asyncio that may be called by another one;
  between two requests its `cycle`, `scope` and `headers` may be emptied;
- a request's `scope["state"]` is a copy of `app_state`.
"""
