"""The encodings that a contacts file may be said to be in. Pure."""

import codecs
import re

from contacts.encoding import Encoding

EXAMPLES = "shift_jis, gb18030, big5, euc-kr, windows-1250 to windows-1258"
_CHARACTERS = re.compile(r"cp\d+|iso8859|iso2022|shift|euc|gb|big5|koi8|mac|tis|utf|ascii|hz|johab|kz|ptcp")
_NOT = frozenset({"utf-7"})
# As browsers read them: programs say the name of a standard and write what their system made of it.
_WIDER = {
    "utf-8": "utf-8-sig", "ascii": "cp1252",
    "shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "tis-620": "cp874",
    "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
}  # fmt: skip


def encoding_named(name: str) -> Encoding | None:
    """None for what is no encoding of characters."""
    try:
        codec = codecs.lookup(re.sub("^windows-", "cp", name.strip().lower())).name
    except (LookupError, ValueError):
        return None
    if codec in _NOT or not _CHARACTERS.match(codec):
        return None
    return Encoding(name.strip(), _WIDER.get(codec, codec))
