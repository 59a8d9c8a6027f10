"""A tap as nearly every client sends it, read in one pass; whatever is unusual is left to the HTTP parser.

Parser, callbacks and visit cost 7.2 us a tap, this and visit 2.7 (python -m loadtest.tap_cost: 31 % fewer
instructions). What is read here reads the same there: tests/fuzz compares them on any bytes.
"""

import re

MAX_LINE = 1024  # characters
MAX_KNOWN_LINES = 8192
MAX_ONCE = 1024
MAX_KNOWN_NAMES = 1024

_REQUEST = re.compile(r'(GET|HEAD) /([A-Za-z0-9_-]{1,64})(?:\?([!"$-~]*))? HTTP/1\.([01])\Z')
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_PLAIN = frozenset({"content-length", "transfer-encoding", "upgrade", "expect", "connection"})
_PLAIN_CONNECTION = frozenset({("connection", "keep-alive"), ("connection", "close")})


# Method, code, query, header fields by lower-case name, and whether the client wants the connection closed.
PlainRequest = tuple[str, str, str, dict[str, str], bool]


class _NotPlain(Exception):
    """The HTTP parser has to look at this header line."""


class _Names(dict[str, str]):
    """Header names in lower case, each checked once."""

    def __missing__(self, name: str) -> str:
        if not _NAME.match(name):
            raise _NotPlain
        if len(self) >= MAX_KNOWN_NAMES:
            self.clear()
        self[name] = name.lower()
        return self[name]


class _Fields(dict[str, tuple[str, str]]):
    """What a header line says. Visitors share most of their lines, so that those are checked and parsed but twice.

    A line is kept when it comes again soon: with those that a single visitor has (an address, a cookie) the table would
    be too large for the processor's cache.
    """

    def __init__(self) -> None:
        self._once: set[str] = set()

    def __missing__(self, line: str) -> tuple[str, str]:
        name, colon, value = line.partition(":")
        if not colon or len(line) > MAX_LINE:
            raise _NotPlain
        name, value = _name(name), value.strip(" \t")
        if not value.isprintable() and _CONTROL.search(value):
            raise _NotPlain
        field = name, value
        if name in _NOT_PLAIN and field not in _PLAIN_CONNECTION:
            raise _NotPlain
        if line in self._once:
            if len(self) >= MAX_KNOWN_LINES:
                self.clear()
            self[line] = field
            return field
        if len(self._once) >= MAX_ONCE:
            self._once.clear()
        self._once.add(line)
        return field


_name = _Names().__getitem__
_field = _Fields().__getitem__


def plain_request(data: bytes) -> PlainRequest | None:
    """One whole request for a code, or None where these bytes are anything else.

    Plain is HTTP/1.1 or 1.0 with each header once, a Host among them, nothing glued to the code, and neither a body
    nor a wish to change the protocol.
    """
    lines = data.decode("latin-1").split("\r\n")
    request = _REQUEST.match(lines[0])
    if request is None or lines[-1] or lines[-2]:
        return None
    try:
        fields = dict(map(_field, lines[1:-2]))
    except _NotPlain:
        return None
    if len(fields) != len(lines) - 3 or "host" not in fields:
        return None
    method, code, query, minor = request.groups("")
    return method, code, query, fields, minor == "0" or fields.get("connection") == "close"
