"""What kind of statement a request carries, and where its parts lie. Pure; the engine's parser has the last word."""

import re
from collections.abc import Callable, Iterator

import msgspec

_TOKEN = re.compile(
    rb"""
    (?P<skip> \s+ | --[^\n]* | \#[\x20!][^\n]* | /\*.*?\*/ )
  | (?P<string> '(?:[^'\\]|\\.|'')*' )
  | (?P<quoted> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
  | (?P<heredoc> \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<word> [A-Za-z_\x80-\xff][\w$\x80-\xff]* )
  | (?P<number> \d[\w.]* )
  | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SOURCES = (b"VALUES", b"FORMAT", b"SELECT", b"WITH", b"FROM", b"WATCH")


class Token(msgspec.Struct, frozen=True):
    kind: str
    text: bytes
    start: int
    end: int
    depth: int  # of parentheses and brackets around it

    def is_word(self, word: bytes) -> bool:
        return self.kind == "word" and self.text.upper() == word


class Malformed(Exception):
    """Not a text this server takes apart: the engine is left to say what is wrong with it."""


class Insert(msgspec.Struct, frozen=True):
    """INSERT whose rows follow as bytes: `head` without FORMAT, rows from `data_start` on."""

    head: str
    format: str
    data_start: int

    def into_and_settings(self) -> tuple[str, str]:
        """The head, taken apart at its SETTINGS clause ('' when it has none)."""
        previous = None
        for token in tokens(self.head.encode()):
            if token.depth == 0 and token.is_word(b"SETTINGS") and not _names_a_table(previous):
                return self.head.encode()[: token.start].decode(), self.head.encode()[token.start :].decode()
            previous = token
        return self.head, ""


class Select(msgspec.Struct, frozen=True):
    """A SELECT taken apart at its FORMAT clause ('' when it has none)."""

    head: str
    format: str
    tail: str  # SETTINGS after FORMAT


class Kill(msgspec.Struct, frozen=True):
    """KILL QUERY WHERE condition SYNC|ASYNC|TEST, with the FORMAT of its answer."""

    condition: str
    mode: str
    format: str


class Other(msgspec.Struct, frozen=True):
    """Everything else, run as it is."""

    verb: str


Statement = Insert | Select | Kill | Other


def tokens(text: bytes) -> Iterator[Token]:
    """The tokens of a statement without blanks and comments; raises Malformed at an unclosed quote or comment."""
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        found = match.group()
        if kind == "skip":
            continue
        if kind == "mark" and (found in b"'`\"" or text.startswith(b"/*", match.start())):
            raise Malformed(f"unclosed {found.decode()} at byte {match.start()}")
        if found in (b")", b"]", b"}"):
            depth -= 1
        yield Token("heredoc" if kind == "tag" else kind, found, match.start(), match.end(), depth)
        if found in (b"(", b"[", b"{"):
            depth += 1


def parse(text: bytes) -> Statement:
    """Take one statement apart; raises Malformed. For an INSERT, what follows FORMAT is not looked at."""
    first = next(tokens(text), None)
    if first is None:
        raise Malformed("Empty query")
    if first.is_word(b"INSERT"):
        return _insert(text)
    whole = list(tokens(text))
    while whole and whole[-1].text == b";":
        whole.pop()
    if any(token.text == b";" for token in whole):
        raise Malformed("Multi-statements are not allowed")
    if is_select(first):
        return _select(text, whole)
    if first.is_word(b"KILL") and len(whole) > 3 and whole[1].is_word(b"QUERY") and whole[2].is_word(b"WHERE"):
        return _kill(text, whole)
    return Other(first.text.decode("utf-8", "replace").upper())


def is_select(first: Token) -> bool:
    """Whether a statement that begins so is one that gives rows, in which system.processes is replaced."""
    return first.text == b"(" or first.text.upper() in (b"SELECT", b"WITH", b"FROM")


def begins_insert(text: bytes) -> bool:
    first = next(tokens(text), None)
    return first is not None and first.is_word(b"INSERT")


def words(text: bytes) -> Iterator[bytes]:
    """Every name in a statement, quoted or not; none of its strings."""
    for token in tokens(text):
        if token.kind in ("word", "quoted"):
            yield unquoted(token)


def unquoted(token: Token) -> bytes:
    """The name of a word, or of a quoted name that holds no escape."""
    return token.text.strip(b'`"')


def with_processes(select: Select, processes: Callable[[], str]) -> Select:
    """The SELECT with what `processes` gives, a SELECT itself, in the place of the table system.processes."""
    text, whole = select.head.encode(), list(tokens(select.head.encode()))
    for first, dot, second in reversed(list(zip(whole, whole[1:], whole[2:], strict=False))):
        if dot.text == b"." and [unquoted(name).upper() for name in (first, second)] == [b"SYSTEM", b"PROCESSES"]:
            text = text[: first.start] + f"({processes()})".encode() + text[second.end :]
    return msgspec.structs.replace(select, head=text.decode())


def _insert(text: bytes) -> Statement:
    previous = None
    for token in tokens(text):
        is_source = token.depth == 0 and token.kind == "word" and token.text.upper() in _SOURCES
        if is_source and not _names_a_table(previous):
            return _insert_from(text, token)
        previous = token
    return Other("INSERT")


def _names_a_table(previous: Token | None) -> bool:
    """Whether the word behind this token of an INSERT is a name, whatever it says."""
    return previous is None or previous.text == b"." or previous.text.upper() in (b"INTO", b"TABLE", b"FUNCTION")


def _insert_from(text: bytes, source: Token) -> Statement:
    head = text[: source.start].decode()
    if source.is_word(b"VALUES"):
        return Insert(head, "Values", source.end)
    if not source.is_word(b"FORMAT"):
        return Other("INSERT")
    name = next(tokens(text[source.end :]), None)
    if name is None or name.kind != "word":
        return Other("INSERT")
    # One line end belongs to the statement, all after it to the rows (ClickHouse, ParserInsertQuery).
    rest = re.compile(rb"[ \t\f]*;?[ \t\f]*\r?\n?").match(text, source.end + name.end)
    return Insert(head, name.text.decode(), rest.end() if rest else len(text))


def _select(text: bytes, whole: list[Token]) -> Select:
    end = whole[-1].end
    for place in range(len(whole) - 2, 0, -1):
        token, name, after = whole[place], whole[place + 1], whole[place + 2 : place + 3]
        if token.depth == 0 and token.is_word(b"FORMAT") and name.kind in ("word", "quoted"):
            if after and not after[0].is_word(b"SETTINGS"):
                break
            return Select(text[: token.start].decode(), unquoted(name).decode(), text[name.end : end].decode())
    return Select(text[:end].decode(), "", "")


def _kill(text: bytes, whole: list[Token]) -> Kill:
    if any(token.depth < 0 for token in whole):
        raise Malformed("a parenthesis is closed that was not opened")
    name = ""
    if len(whole) > 4 and whole[-2].is_word(b"FORMAT"):
        name = whole[-1].text.decode()
        whole = whole[:-2]
    mode = whole[-1].text.upper().decode("utf-8", "replace")
    if mode not in ("SYNC", "ASYNC", "TEST"):
        return Kill(text[whole[2].end : whole[-1].end].decode(), "ASYNC", name)
    return Kill(text[whole[2].end : whole[-1].start].decode(), mode, name)
