"""What a text would give before there is a broadcast: for a few contacts, or for one that is made up."""

from collections.abc import Sequence
from io import BytesIO

import msgspec

from contacts.line import ContactLine
from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts
from messages.line import Draft
from messages.summary import dry_run
from messages.wording import composer_of, needs_of
from records.broadcast import Broadcast

MADE_UP = "contact"
_encoder = msgspec.json.Encoder()


def draft_of(broadcast: Broadcast, contacts: Sequence[ContactLine], *, asks_opt_out: bool) -> Draft:
    """What these contacts would get; those that are not right are left out by their number, from 1."""
    needs = needs_of(broadcast.text, broadcast.destinations)
    lines = contacts or [ContactLine(MADE_UP, fields={name: name for name in needs.wanted})]
    file = BytesIO(_encoder.encode_lines(lines))
    read = read_contacts(file, NdjsonForm(), len(broadcast.destinations), skip_bad=True, needs=needs)
    run = dry_run(composer_of(broadcast, asks_opt_out=asks_opt_out), broadcast, read)
    return Draft(**msgspec.structs.asdict(run), destinations=list(broadcast.destinations), fields=sorted(needs.wanted))
