"""The links of a minting, from the service's lines to lines of CSV. Pure."""

import csv
from collections.abc import Sequence
from io import StringIO
from operator import attrgetter

import msgspec

COLUMNS = ("contact_id", "destination_index", "link_id", "code", "short_url")
_HEAD, _EXISTING = b'{"contact_id":"', b',"existing":true}\n'
# What stands between the values of a link; what stands there in CSV.
_BETWEEN = (
    (_EXISTING, b"}\n"), (_HEAD, b""), (b'","destination_index":', b","), (b',"link_id":', b","), (b',"code":"', b","),
    (b'","short_url":"', b","), (b'"}\n', b"\n"),
)  # fmt: skip


class Line(msgspec.Struct):
    """One line of the answer: a link, or why there is none."""

    contact_id: str = ""
    destination_index: int = 0
    link_id: int = 0
    code: str = ""
    short_url: str = ""
    existing: bool = False  # the contact had it before
    line: int = 0
    error: str = ""
    lines: int = 1  # that the error stands for
    detail: str = ""  # of the problem that cut the answer off


class LinkLines(msgspec.Struct, frozen=True):
    """Some lines of an answer."""

    csv: bytes  # of the links
    links: int
    existing: int  # of them
    others: Sequence[Line] = ()  # that are no links


_decoder = msgspec.json.Decoder(Line)
_columns = attrgetter(*COLUMNS)


def link_lines(answer: bytes) -> LinkLines:
    """answer: whole lines of NDJSON."""
    return _plain(answer) or _parsed(answer)


def _plain(answer: bytes) -> LinkLines | None:
    """Half the time of parsing them: all are links, and no value needs a quote in CSV."""
    count, existing = answer.count(b"\n"), answer.count(_EXISTING)
    if b"\\" in answer or answer.count(_HEAD) != count or answer.count(b",") != 4 * count + existing:
        return None
    lines = answer
    for before, after in _BETWEEN:
        lines = lines.replace(before, after)
    return None if b'"' in lines else LinkLines(lines, count, existing)


def _parsed(answer: bytes) -> LinkLines:
    lines = _decoder.decode_lines(answer)
    links = [line for line in lines if line.short_url]
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_columns, links))
    others = [line for line in lines if not line.short_url]
    return LinkLines(text.getvalue().encode(), len(links), sum(link.existing for link in links), others)
