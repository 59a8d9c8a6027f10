"""Logs: one JSON object a line, or plain lines where a person looks at a terminal."""

import json
import logging
import sys
import time
from typing import Any

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "event": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # a lone surrogate, or a number of more than 64 bits: what looks worst must not go unlogged
            return json.dumps(line, default=str)


class TerminalFormatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s {process:<10} %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{name}={_printable(value)}" for name, value in vars(record).items() if name not in _STANDARD)
        return f"{super().format(record)} {extra}".rstrip()


def _printable(value: object) -> str:
    """On a terminal, no text of a visitor moves the cursor or begins a line."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def start_logging(process: str, level: str) -> None:
    """Log to stderr; JSON unless stderr is a terminal. Call once, in __main__. level: a name of the logging module."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter(process) if sys.stderr.isatty() else JsonFormatter(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel("ERROR")  # it warns of every request that is not HTTP
