"""The text of a contacts file: which encoding it is in, and pieces of whole lines of it."""

import codecs
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import IO

import msgspec

PIECE_BYTES = 1024 * 1024
MAX_LINE = 4 * 1024 * 1024  # characters that are held until a line ends
UNDECODABLE = "\udcff"  # stands for bytes that are no text; no file decodes to it
_ERRORS = "contacts-undecodable"
_SAMPLE_BYTES = 4096

codecs.register_error(_ERRORS, lambda error: (UNDECODABLE, error.end))  # type: ignore[attr-defined]


class Encoding(msgspec.Struct, frozen=True):
    name: str  # for people
    codec: str
    start: int = 0  # where the text begins, in bytes


UTF8 = Encoding("UTF-8", "utf-8")
WINDOWS = Encoding("Windows-1252", "cp1252")


def encoding_of(file: IO[bytes]) -> Encoding:
    """By the byte order mark, the zeros of UTF-16, else by whether any line that is not ASCII is UTF-8. Reads it all.

    A file with both lines that are UTF-8 and lines that are not is UTF-8 with damaged lines.
    """
    file.seek(0)
    sample = file.read(_SAMPLE_BYTES)
    for mark, encoding in (
        (BOM_UTF8, Encoding("UTF-8", "utf-8", 3)),
        (BOM_UTF16_LE, Encoding("UTF-16", "utf-16-le", 2)),
        (BOM_UTF16_BE, Encoding("UTF-16", "utf-16-be", 2)),
    ):
        if sample.startswith(mark):
            return encoding
    for start, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[start::2].count(0)
        if zeros > len(sample) // 4 and not sample[1 - start :: 2].count(0):
            return Encoding("UTF-16", codec)
    return _utf8_or_windows(file)


def _utf8_or_windows(file: IO[bytes]) -> Encoding:
    file.seek(0)
    is_utf8 = is_other = False
    while not (is_utf8 and is_other) and (piece := file.read(PIECE_BYTES) + file.readline(MAX_LINE)):
        kind = _kind(piece)
        kinds = set(map(_kind, piece.split(b"\n"))) if kind == "other" else {kind}
        is_utf8 |= "utf8" in kinds
        is_other |= "other" in kinds
    return WINDOWS if is_other and not is_utf8 else UTF8


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
