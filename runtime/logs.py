"""Logs: one JSON object a line, or plain lines where a person looks at a terminal. Nothing personal is in them.

A message is `event_name: what happened`. The event is an identifier that alerts, the runbook and tests search for and
that stays; the sentence behind it is for people and may change.
"""

import json
import logging
import re
import signal
import sys
import time
from types import FrameType
from typing import Any

import orjson

log = logging.getLogger(__name__)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_EVENT = re.compile(r"[a-z]+(_[a-z]+)*")
_PIPELINED = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
_STATEMENT = re.compile(r"[:.]? in scope .*", re.DOTALL | re.IGNORECASE)
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


class JsonFormatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            **_event_and_message(record),
        }
        line.update(_extra(record))
        if record.exc_info:
            line["exception"] = without_quotes(self.formatException(record.exc_info))
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # a lone surrogate, or a number of more than 64 bits: what looks worst must not go unlogged
            return json.dumps(line, default=str)


class TerminalFormatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s {process:<10} %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{name}={_printable(value)}" for name, value in _extra(record).items())
        return f"{super().format(record)} {extra}".rstrip()

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        return without_quotes(super().formatException(ei))


def _event_and_message(record: logging.LogRecord) -> dict[str, str]:
    event, colon, message = record.getMessage().partition(": ")
    if colon and _EVENT.fullmatch(event):
        return {"event": event, "message": message}
    return {"event": "library", "logger": record.name, "message": record.getMessage()}  # uvicorn, asyncio, aiohttp


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {name: without_quotes(value) if isinstance(value, str) else value for name, value in fields.items()}


def without_quotes(text: str) -> str:
    """A store's error without what it quotes of our commands and statements: contacts, codes, addresses.

    redis-py puts the command before the error, ClickHouse the statement and values of it behind and between.
    """
    text = _PIPELINED.sub("", text)
    if "DB::Exception" in text:
        text = _LITERAL.sub("'...'", _STATEMENT.sub("", text))
    return text


def _printable(value: object) -> str:
    """On a terminal, no text of a visitor moves the cursor or begins a line."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def start_logging(process: str, level: str) -> None:
    """Log to stderr; JSON unless stderr is a terminal. Call once, in __main__. level: a name of the logging module.

    SIGUSR1 switches to debug, and back to `level` the next time.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter(process) if sys.stderr.isatty() else JsonFormatter(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel("ERROR")  # it warns of every request that is not HTTP
    given = logging.getLogger().level

    def switch(number: int, frame: FrameType | None) -> None:
        root = logging.getLogger()
        root.setLevel(given if root.level == logging.DEBUG != given else logging.DEBUG)
        log.warning("log_level_changed: by SIGUSR1", extra={"now": logging.getLevelName(root.level).lower()})

    signal.signal(signal.SIGUSR1, switch)
