"""A broadcast: what all its links share. One write to it changes every link already sent."""

from typing import Annotated

import msgspec

from records.forms import FLAG, MESSAGE, STATUS_OR_NONE, TEXT, TIME, URL, URLS, WORD, Option
from records.preview import PREVIEW

UTC = "UTC"


class Broadcast(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One send to many contacts, or the shared part of one keyword or vanity link.

    The one description of a broadcast. Fields are the columns of table `broadcasts` and, in their order, the value in
    Redis; those with a form are the bodies and answers of the API and the options of `taptrail broadcast put`. A new
    field goes last, with a default, and needs a column. Times are Unix milliseconds, 0 for "none".
    """

    broadcast_no: int  # dense, unique everywhere; the name inside Redis
    account: str
    broadcast_id: str  # unique within its account; "shared:<link id>" for a shared link of its own
    short_domain: Annotated[str, TEXT, Option("Its short domain, such as go.acme.example.", "--domain")]
    # Templates: {contact_id} {code} {broadcast_id} {click_id}, and fields of a contact.
    # Left out, they are the URLs of the text.
    destinations: Annotated[tuple[str, ...], URLS, Option("Where its links lead; may be repeated.", "--to")] = ()
    source: Annotated[str, WORD, Option()] = "sms"
    keyword: Annotated[str, WORD, Option()] = ""
    valid_from_ms: Annotated[int, TIME, Option("2026-05-01, 2026-05-01 09:00 Europe/Berlin, +7d.")] = 0
    expires_at_ms: Annotated[int, TIME, Option("A day means its end.")] = 0  # gone from this instant on
    # Redirect status; 0 takes the domain's.
    status: Annotated[int, STATUS_OR_NONE, Option("Of the redirect; the domain's by default.")] = 0
    # Append the visit's query to the destination.
    forward_query: Annotated[bool, FLAG, Option("Hand the query of the short URL on.")] = False
    # Where visits go when the broadcast is over.
    fallback: Annotated[str, URL, Option("Where its links lead when they are over.")] = ""
    stopped: Annotated[bool, FLAG] = False
    sent_at_ms: Annotated[int, TIME] = 0
    audiences: tuple[str, ...] = ("",)  # by audience_no; append-only, links refer to their positions
    version: int = 0  # Unix milliseconds of the write, strictly growing; the highest is in force
    # Of each destination, the version in the broadcast's history that put it in force; 1 for those that are missing.
    destination_versions: tuple[int, ...] = ()
    archived: Annotated[bool, FLAG] = False  # left out of lists; its links live on
    deleted: bool = False  # it had no link
    # The message, a template: {field} {field|default} {{ }}; "" for none.
    text: Annotated[str, MESSAGE, Option("The message, with {fields} and the URLs to shorten.")] = ""
    # Of the hours in its report: a zone of the tz database.
    timezone: Annotated[str, WORD, Option("Zone of the hours in its report, such as Europe/Berlin.")] = UTC
    # Of records/preview.py, by name; {} takes the domain's.
    preview: Annotated[dict[str, str], PREVIEW, Option("What apps show of its links; an empty one clears it.")] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Broadcast)


def encode_broadcast(broadcast: Broadcast) -> bytes:
    return _encoder.encode(broadcast)


def decode_broadcast(value: bytes) -> Broadcast:
    """Raises msgspec.DecodeError or UnicodeDecodeError on what encode_broadcast did not write."""
    return _decoder.decode(value)
