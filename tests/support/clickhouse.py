"""The embedded ClickHouse engine as the tests start it, and a raw request to it."""

import base64
import sys
from pathlib import Path

WRITER, ANALYST = "taptrail:writer-password", "analyst:analyst-password"


def clickhouse_command(data: Path, port: int, *options: str) -> list[str]:
    return [sys.executable, "-m", "stack.clickhouse", "--data", str(data), "--port", str(port), *options]


def clickhouse_environ() -> dict[str, str]:
    return {"TAPTRAIL_CLICKHOUSE_WRITER": WRITER, "TAPTRAIL_CLICKHOUSE_ANALYST": ANALYST}


def head_of(port: int, query: str, *lines: str) -> bytes:
    basic = base64.b64encode(WRITER.encode()).decode()
    path = "/?database=taptrail&query=" + query.replace(" ", "+")
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Basic {basic}", *lines, "\r\n"]
    ).encode()
