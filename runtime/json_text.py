"""What is wrong with a JSON text, and where (RFC 8259). Pure; exact and slow: for small texts and refused ones."""

import re
from enum import Enum, auto

import msgspec

MAX_DEPTH = 64
MOST, LEAST = 2**64 - 1, -(2**63)  # what encoders and tables can hold of an integer

_SPACE = re.compile(rb"[ \t\r\n]*")
_TOKEN = re.compile(
    rb'(?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")'
    rb"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z.+-])"
    rb"|(?P<word>(?:true|false|null)(?![0-9A-Za-z]))"
    rb"|(?P<mark>[\[\]{}:,])"
)


class TextFault(msgspec.Struct, frozen=True):
    """The first thing that is wrong. column: in characters, from 1, in its line."""

    error: str
    line: int
    column: int
    field: str = ""  # where the text is JSON, and one of its values is refused
    is_malformed: bool = True


def fault_in(data: bytes) -> TextFault | None:
    """None for JSON in UTF-8 whose numbers can be held, whose names differ and that is not nested too deeply.

    Where the text is not JSON, that is the fault, whatever else is wrong before.
    """
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return _fault(data, wrong.start, f"the byte 0x{data[wrong.start]:02x} is not UTF-8")
    reader = _Reader(data)
    try:
        reader.read()
    except _Malformed as malformed:
        return _fault(data, malformed.offset, str(malformed))
    if reader.refused is None:
        return None
    offset, error, field = reader.refused
    return msgspec.structs.replace(_fault(data, offset, error), field=field, is_malformed=False)


def _fault(data: bytes, offset: int, error: str) -> TextFault:
    start = data.rfind(b"\n", 0, offset) + 1
    return TextFault(error, data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode("utf-8", "replace")) + 1)


class _Malformed(Exception):
    def __init__(self, offset: int, error: str) -> None:
        super().__init__(error)
        self.offset = offset


class _Next(Enum):
    """What may stand next."""

    VALUE = "a value"
    VALUE_OR_END = "a value or ]"
    NAME = "a name in double quotes"
    NAME_OR_END = "a name in double quotes or }"
    COLON = "a colon"
    IN_ARRAY = "a comma or ]"
    IN_OBJECT = "a comma or }"
    NOTHING = "the end"


class _Kind(Enum):
    OBJECT = auto()
    ARRAY = auto()


class _Open:
    """An object or array that is not closed yet."""

    def __init__(self, kind: _Kind) -> None:
        self.kind = kind
        self.names: set[str] = set()  # of an object
        self.name = ""  # of the member that is read
        self.index = 0  # of the element that is read


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._open: list[_Open] = []
        self._next = _Next.VALUE
        self.refused: tuple[int, str, str] | None = None  # (offset, error, field)

    def read(self) -> None:
        """Raises _Malformed."""
        offset = self._after_space(0)
        while offset < len(self._data):
            token = _TOKEN.match(self._data, offset)
            if token is None:
                raise _Malformed(offset, self._unreadable(offset))
            self._take(token)
            offset = self._after_space(token.end())
        if self._next is not _Next.NOTHING:
            end = len(self._data.rstrip(b" \t\r\n"))
            raise _Malformed(end, f"the text ends where {self._next.value} is expected")

    def _after_space(self, offset: int) -> int:
        space = _SPACE.match(self._data, offset)
        return space.end() if space else offset

    def _unreadable(self, offset: int) -> str:
        first = self._data[offset : offset + 4].decode("utf-8", "replace")[:1]
        if first == '"':
            return "the text in double quotes is not closed, or holds a control character or an unknown escape"
        return f"{first!r} stands where {self._next.value} is expected"

    def _take(self, token: "re.Match[bytes]") -> None:
        text, offset = token[0], token.start()
        if token["mark"]:
            self._take_mark(text, offset)
        elif token["string"] and self._next in (_Next.NAME, _Next.NAME_OR_END):
            self._take_name(text, offset)
        elif self._next in (_Next.VALUE, _Next.VALUE_OR_END):
            if error := _refusal(token):
                self._refuse(offset, error)
            self._value_ended()
        else:
            raise _Malformed(offset, f"{_shown(text)} stands where {self._next.value} is expected")

    def _take_mark(self, mark: bytes, offset: int) -> None:
        wanted = self._next
        if mark in b"[{" and wanted in (_Next.VALUE, _Next.VALUE_OR_END):
            self._begin(mark, offset)
        elif mark == b":" and wanted is _Next.COLON:
            self._next = _Next.VALUE
        elif mark == b"," and wanted is _Next.IN_OBJECT:
            self._next = _Next.NAME
        elif mark == b"," and wanted is _Next.IN_ARRAY:
            self._open[-1].index += 1
            self._next = _Next.VALUE
        elif (mark == b"}" and wanted in (_Next.IN_OBJECT, _Next.NAME_OR_END)) or (
            mark == b"]" and wanted in (_Next.IN_ARRAY, _Next.VALUE_OR_END)
        ):
            self._open.pop()
            self._value_ended()
        else:
            raise _Malformed(offset, f"{mark.decode()} stands where {wanted.value} is expected")

    def _begin(self, mark: bytes, offset: int) -> None:
        if len(self._open) == MAX_DEPTH:
            self._refuse(offset, f"brackets are nested more than {MAX_DEPTH} deep")
        is_object = mark == b"{"
        self._open.append(_Open(_Kind.OBJECT if is_object else _Kind.ARRAY))
        self._next = _Next.NAME_OR_END if is_object else _Next.VALUE_OR_END

    def _take_name(self, text: bytes, offset: int) -> None:
        self._next = _Next.COLON
        name = _text_of(text)
        inside = self._open[-1]
        inside.name = name if name is not None else "?"
        if name is None:
            self._refuse(offset, "a name holds one half of a surrogate pair")
        elif name in inside.names:
            self._refuse(offset, f"the name {_shown(text)} is there twice")
        else:
            inside.names.add(name)

    def _value_ended(self) -> None:
        if not self._open:
            self._next = _Next.NOTHING
            return
        self._next = _Next.IN_OBJECT if self._open[-1].kind is _Kind.OBJECT else _Next.IN_ARRAY

    def _refuse(self, offset: int, error: str) -> None:
        if self.refused is None:
            self.refused = (offset, error, self._path())

    def _path(self) -> str:
        parts = (f".{each.name}" if each.kind is _Kind.OBJECT else f"[{each.index}]" for each in self._open)
        path = "".join(parts).removeprefix(".")
        return path if len(path) <= 100 else path[:97] + "..."


def _refusal(token: "re.Match[bytes]") -> str:
    """Why a value that is JSON cannot be taken, or ""."""
    if token["string"]:
        return "" if _text_of(token[0]) is not None else "the text holds one half of a surrogate pair"
    if not token["number"]:
        return ""
    text = token[0]
    if any(mark in text for mark in b".eE"):
        return "" if abs(float(text)) != float("inf") else f"the number {_shown(text)} is out of range"
    return "" if len(text) <= 20 and LEAST <= int(text) <= MOST else f"the integer {_shown(text)} has more than 64 bits"


def _text_of(string: bytes) -> str | None:
    """None for one that holds half of a surrogate pair."""
    try:
        return msgspec.json.decode(string, type=str)
    except msgspec.DecodeError:
        return None


def _shown(text: bytes) -> str:
    shown = text.decode("utf-8", "replace")
    return shown if len(shown) <= 40 else shown[:37] + "..."
