"""Where a URL ends in a text that goes on without a space, as Japanese, Chinese, Thai and others do. Pure.

Programs copy URLs in ASCII. People also write letters of their own script into them, and linkify-it takes every
character that is no space. What no URL holds as it is (punctuation, symbols and invisible marks beyond ASCII) ends one;
where a letter may as well belong to it as to the text, nobody can tell.
"""

import re
import unicodedata
from typing import NamedTuple

_HOST = re.compile(r"https?://[^/?#]*\.", re.IGNORECASE)  # up to its last label: those before may be an emoji
_LATIN = re.compile("[A-Za-z0-9}\u00c0-\u024f\u1e00-\u1eff]")  # a field ends in a brace
_SUFFIX = re.compile(r"'[^\W\d_]{1,4}\Z")  # as Turkish has it on names
_JOINERS = "\u200c\u200d"  # within words of Persian and of scripts of India
_OF_EMOJI = "\ufe0f\u20e3"  # a digit with both is a keycap
_WITHIN_WORDS = "\u2019\u00b7\u30fb"  # an apostrophe and middle dots; dashes too


class End(NamedTuple):
    """place: of the first character that is not part of the URL. is_clear: whether that is certain."""

    place: int
    is_clear: bool = True


def end_of(url: str) -> End:
    """url: a piece of a text from the scheme to the next space."""
    host = _HOST.match(url)
    for place in range(host.end() if host else 0, len(url)):
        if not url[place].isascii() and (end := _end_at(url, place)):
            return end
    suffix = _SUFFIX.search(url)
    return End(suffix.start(), is_clear=False) if suffix else End(len(url))


def _end_at(url: str, place: int) -> End | None:
    """Whether the URL ends before a character beyond ASCII."""
    character, before, after = url[place], url[place - 1], url[place + 1 : place + 2]
    category = unicodedata.category(character)
    if category[0] in "LN":
        belongs = _LATIN.match(character) or not _LATIN.match(before)
        return None if belongs else End(place, is_clear=False)
    if category[0] == "M":
        belongs = not before.isascii() or (before.isalpha() and character not in _OF_EMOJI)
        return None if belongs else End(place, is_clear=False)
    if character in _JOINERS and not before.isascii() and _is_letter(after) and not after.isascii():
        return None
    may_go_on = (category == "Pd" or character in _WITHIN_WORDS) and _is_letter(after)
    return End(place, is_clear=not may_go_on)


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character or " ")[0] == "M"
