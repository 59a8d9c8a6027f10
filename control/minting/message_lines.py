"""The answer to a minting of messages: a line for each contact instead of one for each link. Pure, for a thread."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from contacts.bad_lines import BadLine
from contacts.line import Contacts
from control.minting.compositions import Tally
from messages.composer import Composer
from messages.line import MessageLine, MessageLink
from messages.summary import line_of, rows_of
from records.link import Link

_encoder = msgspec.json.Encoder()


def message_lines(
    composer: Composer, contacts: Contacts, rows: slice, links: Sequence[Link], urls: Sequence[MessageLink],
    line_nos: Sequence[int], bad: list[BadLine],
) -> tuple[bytes, Tally]:  # fmt: skip
    """NDJSON of the messages of some lines, and their counts.

    urls: of the links. `bad` is used up from its end, up to these lines.
    """
    of_lines = [
        (line_no, [urls[place] for place in places])
        for line_no, places in groupby(range(len(links)), key=line_nos.__getitem__)
    ]
    answers: list[MessageLine | BadLine] = []
    composed: list[MessageLine] = []
    made = rows_of(composer, contacts, rows, ([url.short_url for url in of_line] for _, of_line in of_lines))
    for (line_no, of_line), (contact_id, _, message) in zip(of_lines, made, strict=True):
        while bad and bad[-1].line < line_no:
            answers.append(bad.pop())
        composed.append(line_of(contact_id, message, of_line))
        answers.append(composed[-1])
    return _encoder.encode_lines(answers), Tally.of(composed)


def links_of(links: Sequence[Link], codes: Sequence[str], base: str) -> list[Any]:
    return [MessageLink(link.destination_index, code, base + code) for link, code in zip(links, codes, strict=True)]
