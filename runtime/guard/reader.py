"""Cuts the bytes of a client into requests. Pure: no connection, no clock.

httptools, which uvicorn reads with as well, sees the same bytes first: what it refuses never reaches uvicorn, and both
agree where a request ends. It is fed up to each possible end of a message, because it does not say where it found one.
"""

import re

import httptools

MAX_HEAD_BYTES = 64 * 1024
MAX_FIELDS = 100  # as in Apache; a field costs some 200 bytes beside its own

_BLANK = b"\r\n\r\n"
_NO_URL = re.compile(rb"[\x80-\xff#]")


class NotHttp(Exception):
    """These bytes are no request that may be answered."""


class HeadTooLarge(NotHttp):
    """More bytes or fields than a head may have."""


class Reader:
    """add() bytes, then next() until it gives none."""

    def __init__(self) -> None:
        self.in_body = False  # a head was given, and its body is not over
        self.body_bytes = 0  # of the request whose head was given last
        self.is_last = False  # what follows the request that was given last is no request
        self._bytes = b""  # not given yet
        self._parsed = 0  # so many of them the parser has seen: the beginning of a head
        self._heads = 0  # that became whole with the bytes the parser saw last
        self._hosts = 0
        self._fields = 0  # of the request whose head, or trailer, is being read
        self._body_left: int | None = None  # None: chunked
        self._tail = b""  # of a chunked body: a blank line may be cut in two
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    @property
    def held_bytes(self) -> int:
        """Of requests that are not given yet."""
        return len(self._bytes)

    @property
    def parser_bytes(self) -> int:
        """What the parser keeps beside them at most: a field that is not whole."""
        return self._parsed

    @property
    def fields(self) -> int:
        """Of the head that was given last, or is being read."""
        return self._fields

    @property
    def waiting(self) -> int:
        """How many requests are held, unless their bodies have blank lines."""
        return self._bytes.count(_BLANK)

    @property
    def is_between_requests(self) -> bool:
        return not self.in_body and not self._parsed

    def add(self, data: bytes) -> None:
        self._bytes += data

    def close(self) -> None:
        """Let everything go: the parser knows this reader, so that only a run of the garbage collector would."""
        self._bytes = b""
        del self._parser

    def drop_behind(self, requests: int) -> None:
        """Keep the first of the requests that wait, and of those the whole ones."""
        ends = [blank.end() for blank in re.finditer(_BLANK, self._bytes)]
        self._bytes = self._bytes[: ends[:requests][-1]] if ends else b""

    def next(self) -> bytes:
        """The next whole head, or the next piece of a body; b"" when there is none yet. Raises NotHttp."""
        return self._piece_of_body() if self.in_body else self._head()

    def _head(self) -> bytes:
        if not self._parsed:
            self._bytes = self._bytes.lstrip(b"\r\n")  # RFC 9112 2.2
        blank = self._bytes.find(_BLANK, max(self._parsed - len(_BLANK), 0))
        end = blank + len(_BLANK) if blank >= 0 else len(self._bytes)
        if end > MAX_HEAD_BYTES:
            raise HeadTooLarge
        heads = self._heads_in(self._encoded(self._parsed, end))
        if heads != (blank >= 0):
            raise NotHttp
        self._parsed = end
        if not heads:
            return b""
        head = self._encoded(0, end)
        self._bytes, self._parsed = self._bytes[end:], 0
        return head

    def _encoded(self, start: int, end: int) -> bytes:
        """The bytes from start to end, in the request line percent-encoded where a URL has no such byte.

        Messaging apps glue a raw curly quote to a link; and what follows a "#" would be dropped by uvicorn.
        """
        data = self._bytes[start:end]
        newline = self._bytes.find(b"\n", 0, end)
        in_line = max((newline if newline >= 0 else end) - start, 0)
        return _NO_URL.sub(lambda raw: b"%%%02X" % raw[0][0], data[:in_line]) + data[in_line:]

    def _piece_of_body(self) -> bytes:
        if self._body_left is not None:
            end = min(self._body_left, len(self._bytes))
            self._body_left -= end
        else:
            blank = (self._tail + self._bytes).find(_BLANK)
            end = blank + len(_BLANK) - len(self._tail) if blank >= 0 else len(self._bytes)
        piece, self._bytes = self._bytes[:end], self._bytes[end:]
        self._tail = (self._tail + piece)[1 - len(_BLANK) :]
        self.body_bytes += len(piece)
        if self._heads_in(piece):
            raise NotHttp
        return piece

    def _heads_in(self, data: bytes) -> int:
        """Give the parser what comes next; how many heads became whole with it."""
        self._heads = 0
        try:
            if data:
                self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_last = True
        except httptools.HttpParserError as error:  # also what a callback raises
            if self._fields > MAX_FIELDS:
                raise HeadTooLarge from error
            raise NotHttp from error
        return self._heads

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._hosts = self._fields = 0
        self._body_left = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise HeadTooLarge
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            self._body_left = int(value)

    def on_headers_complete(self) -> None:
        version = self._parser.get_http_version()
        if self._hosts != 1 and (self._hosts or version == "1.1"):  # RFC 9112 3.2
            raise NotHttp
        self.is_last = version == "1.0" or not self._parser.should_keep_alive()
        self._heads += 1
        self.in_body, self.body_bytes, self._tail = True, 0, b""

    def on_message_complete(self) -> None:
        self.in_body = False
