"""The text of a contacts file: which encoding it is in, and pieces of whole lines of it."""

import codecs
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import IO

import msgspec

PIECE_BYTES = 1024 * 1024
MAX_LINE = 4 * 1024 * 1024  # characters that are held until a line ends
UNDECODABLE = "\udcff"  # stands for bytes that are no text; no file decodes to it
_ERRORS = "contacts-undecodable"
_SAMPLE_BYTES = 4096
_SAMPLE_LINES = 1000
# What Windows-1252 hardly has: three letters with accents that follow each other, and signs that nobody types. Words of
# other scripts have them throughout.
_STRANGE = re.compile(rb"[\x8a\x8c\x8e\x9a\x9c\x9e-\xff]{3}|[\x83\x86-\x89\x98]")
_ESCAPE = b"\x1b$"  # of ISO-2022-JP, which has ASCII bytes alone
_RARE = 5  # one line of so many may have them
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{0,20}[\x80-\xff][A-Za-z\x80-\xff]{0,20}")

codecs.register_error(_ERRORS, lambda error: (UNDECODABLE, error.end))  # type: ignore[attr-defined]


class Encoding(msgspec.Struct, frozen=True):
    name: str  # for people
    codec: str
    start: int = 0  # where the text begins, in bytes
    guessed_from: str = ""  # a word of the file, where nothing else says that it is right


UTF8 = Encoding("UTF-8", "utf-8")
WINDOWS = Encoding("Windows-1252", "cp1252")
_MARKS = (
    (BOM_UTF8, Encoding("UTF-8", "utf-8", 3)),
    (BOM_UTF16_LE, Encoding("UTF-16", "utf-16-le", 2)),
    (BOM_UTF16_BE, Encoding("UTF-16", "utf-16-be", 2)),
)


class UnknownEncoding(Exception):
    """Letters that are neither UTF-8 nor of Western Europe."""


def encoding_of(file: IO[bytes], said: Encoding | None = None) -> Encoding:
    """By the byte order mark, by what was said, by the zeros of UTF-16, else by whether any line that is not ASCII is
    UTF-8. Reads it all. Raises UnknownEncoding.

    A file with both lines that are UTF-8 and lines that are not is UTF-8 with damaged lines.
    """
    file.seek(0)
    sample = file.read(_SAMPLE_BYTES)
    if said is None and _ESCAPE in sample:
        raise UnknownEncoding
    marked = next((encoding for mark, encoding in _MARKS if sample.startswith(mark)), None)
    return marked or said or _without_mark(sample) or _utf8_or_windows(file)


def _without_mark(sample: bytes) -> Encoding | None:
    """UTF-16, in the order of bytes in which it has more ends of cells and lines."""
    if sample.count(0) <= len(sample) // 8:
        return None
    ends = {codec: _ends_in(sample[: len(sample) // 2 * 2], codec) for codec in ("utf-16-le", "utf-16-be")}
    codec = max(ends, key=ends.__getitem__)
    return Encoding("UTF-16", codec) if len(set(ends.values())) > 1 else None


def _ends_in(sample: bytes, codec: str) -> int:
    return sum(map(sample.decode(codec, "replace").count, ",;\t|\n"))


def _utf8_or_windows(file: IO[bytes]) -> Encoding:
    file.seek(0)
    is_utf8 = False
    others: list[bytes] = []  # lines, the first of them
    while not (is_utf8 and others) and (piece := file.read(PIECE_BYTES) + file.readline(MAX_LINE)):
        if (kind := _kind(piece)) != "other":
            is_utf8 |= kind == "utf8"
            continue
        for line in piece.split(b"\n"):
            kind = _kind(line)
            is_utf8 |= kind == "utf8"
            if kind == "other" and len(others) < _SAMPLE_LINES:
                others.append(line)
    if is_utf8 or not others:
        return UTF8
    strange = sum(_STRANGE.search(line) is not None for line in others)
    if strange > len(others) // _RARE:
        raise UnknownEncoding
    word = _WORD.search(others[0])
    return msgspec.structs.replace(WINDOWS, guessed_from=word[0].decode("cp1252", "replace") if word else "")


def _kind(line: bytes) -> str:
    if line.isascii():
        return ""
    return "utf8" if _is_utf8(line) else "other"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class LineTooLong(Exception):
    """A line has more than MAX_LINE characters."""


def texts_of(file: IO[bytes], encoding: Encoding) -> Iterator[str]:
    """Pieces of whole lines; each ends with a line feed but the last. Raises LineTooLong."""
    file.seek(encoding.start)
    decoder = codecs.getincrementaldecoder(encoding.codec)(_ERRORS)
    rest = ""
    while piece := file.read(PIECE_BYTES):
        text = rest + decoder.decode(piece)
        end = text.rfind("\n") + 1
        if end:
            yield text[:end]
        rest = text[end:]
        if len(rest) > MAX_LINE:
            raise LineTooLong
    if rest := rest + decoder.decode(b"", True):
        yield rest
