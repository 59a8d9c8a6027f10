"""Text that an app or a person glued to a link: where the code ends. Pure."""

import re
from urllib.parse import unquote

from records.code import CODE_LENGTH, CodeCipher

_READ_BYTES = 512  # of a path: a code is 64 characters, percent-encoded 192
_CODE = re.compile(r"/([A-Za-z0-9_-]{1,64})(?![A-Za-z0-9_-])", re.ASCII)
_WIDE = ("/\xef\xbc", "/\xef\xbd")  # U+FF00 to U+FF7F in UTF-8, each byte a character
_NARROW = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_MARKS = frozenset("-_")  # a slug may hold them; a dash or emphasis may also be glued on


def code_of(raw_path: bytes) -> str:
    """The code that a path begins with; "" where there is none.

    What no code can hold ends it, whatever follows: punctuation, a quotation mark, an invisible mark of direction, text
    in another script, or a query that an app glued on with "&" or "%3F". All may come percent-encoded or as they are.
    """
    path = raw_path[:_READ_BYTES].decode("latin-1")  # only ASCII matters: a code has nothing else
    if "%" in path:
        path = unquote(path, "latin-1")
    code = _CODE.match(path) or (_CODE.match(_narrow(path)) if path.startswith(_WIDE) else None)
    return code[1] if code else ""


def _narrow(path: str) -> str:
    """Letters of an East Asian keyboard as those of the poster that a person types from."""
    return path.encode("latin-1").decode("utf-8", "ignore").translate(_NARROW)


def readings(code: str) -> tuple[str, ...]:
    """What a code that was asked for may mean, the likeliest first: itself, then what is left of a "-" or "_"."""
    if code[CODE_LENGTH : CODE_LENGTH + 1] in _MARKS and code[:CODE_LENGTH].isalnum():
        return code, code[:CODE_LENGTH]
    shorter = code.rstrip("-_")
    return (code, shorter) if shorter and shorter != code else (code,)


def id_before_letters(code: str, cipher: CodeCipher) -> int | None:
    """The id that an unknown code begins with, if letters or digits were glued to a code.

    Of random text one in thirteen million begins with an issued one, with a billion links issued.
    """
    return cipher.open(code[:CODE_LENGTH]) if len(code) > CODE_LENGTH else None
