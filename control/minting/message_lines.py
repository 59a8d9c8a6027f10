"""The answer to a minting of messages: a line for each contact instead of one for each link. Pure, for a thread."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from contacts.arrow import joined
from contacts.bad_lines import BadLine
from contacts.line import Contacts
from control.minting.compositions import Tally
from control.minting.link_columns import LinkColumns
from messages.composer import Composer
from messages.line import MessageLine, MessageLink
from messages.summary import line_of, rows_of

_encoder = msgspec.json.Encoder()


def message_lines(
    composer: Composer, contacts: Contacts, rows: slice, links: Sequence[MessageLink], line_nos: Sequence[int],
    bad: list[BadLine],
) -> tuple[bytes, Tally]:  # fmt: skip
    """NDJSON of the messages of some lines, and their counts.

    line_nos: of the links. `bad` is used up from its end, up to these lines.
    """
    of_lines = [
        (line_no, [links[place] for place in places])
        for line_no, places in groupby(range(len(links)), key=line_nos.__getitem__)
    ]
    answers: list[MessageLine | BadLine] = []
    composed: list[MessageLine] = []
    made = rows_of(composer, contacts, rows, ([link.short_url for link in of_line] for _, of_line in of_lines))
    for (line_no, of_line), (contact_id, _, message) in zip(of_lines, made, strict=True):
        while bad and bad[-1].line < line_no:
            answers.append(bad.pop())
        composed.append(line_of(contact_id, message, of_line))
        answers.append(composed[-1])
    return _encoder.encode_lines(answers), Tally.of(composed)


def message_links(links: LinkColumns, base: str) -> list[MessageLink]:
    """base: what stands before the code in a short URL."""
    urls = joined(base, links.codes).to_pylist()
    return list(map(MessageLink, links.destination_indexes.to_pylist(), links.codes.to_pylist(), urls))
