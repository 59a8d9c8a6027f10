"""A phone number as a text: in other digits than 0-9, in the dress of a program, with marks that are not seen. Pure."""

import re
import unicodedata

SPELLED = r"^\+?[0-9 ().\-/]{7,32}$"
PHONE_HEADER = re.compile(
    r"phone|mobil|cell|\btel|msisdn|whatsapp|handy|\bsms\b|téléphone|portable|τηλέφωνο|κινητό|телефон|điện thoại|sđt"
    "|電話|携帯|电话|手机|手機|전화|휴대|هاتف|جوال|موبايل|فون|טלפון|נייד|फ़ोन|फोन|मोबाइल|โทร|มือถือ",
    re.IGNORECASE,
)
_NUMBER = re.compile(SPELLED)
_DRESS = re.compile("""(?:tel:|')(.*)|="(.*)\"""", re.IGNORECASE)  # of a link; of Excel, to keep a number a text
# A line feed first: what all alternatives begin with is searched for at the speed of a count.
_TO_LOOK_AT = re.compile("""\n(?:\\+?[0-9 ().\\-/]{7,32}(?:\n|$)|[tT][eE][lL]:|'|=")""")
_SIGNS = {"\u2212": "-", "\u00b7": "."}
_LIKE_ASCII = {"Pd": "-", "Zs": " ", "Cf": ""}


def in_ascii(text: str) -> str:
    """In digits 0-9, and with ASCII for dashes and spaces; without marks that are not seen."""
    if dress := _DRESS.fullmatch(text):
        text = dress[1] or dress[2] or ""
    return text.translate(_ascii).strip()


class _Ascii(dict[int, str]):
    """What a character is in a number, each found once."""

    def __missing__(self, code: int) -> str:
        self[code] = _like_ascii(chr(code))
        return self[code]


def _like_ascii(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in _SIGNS:
        return _SIGNS[character]
    return _LIKE_ASCII.get(unicodedata.category(character), unicodedata.normalize("NFKC", character))


_ascii = _Ascii({code: chr(code) for code in range(128)})


def is_odd(written: str, bare: str) -> bool:
    """Whether it is a number in other digits than 0-9, or with more around it than spaces and dashes."""
    if not _NUMBER.fullmatch(bare):
        return False
    return bool(_DRESS.fullmatch(written)) or any(map(_is_strange, written))


def _is_strange(character: str) -> bool:
    return not character.isascii() and (
        character.isdecimal() or character == "\uff0b" or unicodedata.category(character) == "Cf"
    )


def unremarkable(contact_ids: str, header: str) -> str | None:
    """How the ids are written where phone_warnings has nothing to say of them: "+" with a plus and digits, "0" in
    digits alone, "" as no numbers; None where it may. Nor has it of more such ids, unless both "+" and "0" are among
    them. Fast.

    contact_ids: each on a line of its own, no two the same. header: of their column.
    """
    lines = f"\n{contact_ids}"
    if not lines.isascii():
        return None
    if lines.replace("\n+", "").isdigit():
        return None if "\n+0" in lines else "+"
    if lines.replace("\n", "").isdigit():
        return None if "\n0" in lines or PHONE_HEADER.search(header) else "0"
    return None if _TO_LOOK_AT.search(lines) else ""
