"""A broadcast: what all its links share. One write to it changes every link already sent."""

import msgspec


class Broadcast(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One send to many contacts, or the shared part of one keyword or vanity link.

    Times are Unix milliseconds, 0 for "none". Field names are the columns of table `broadcasts`.
    """

    broadcast_no: int  # dense, unique everywhere; the name inside Redis
    account: str
    broadcast_id: str  # unique within its account; "shared:<link id>" for a shared link of its own
    short_domain: str
    destinations: tuple[str, ...]  # templates: {contact_id} {code} {broadcast_id} {click_id}
    source: str = "sms"
    keyword: str = ""
    valid_from_ms: int = 0
    expires_at_ms: int = 0  # gone from this instant on
    status: int = 0  # redirect status; 0 takes the domain's
    forward_query: bool = False  # append the visit's query to the destination
    fallback: str = ""  # where visits go when the broadcast is over
    stopped: bool = False
    sent_at_ms: int = 0
    audiences: tuple[str, ...] = ("",)  # by audience_no; append-only, links refer to places in it
    version: int = 0  # Unix milliseconds of the write, strictly growing; the highest is in force


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Broadcast)


def encode_broadcast(broadcast: Broadcast) -> bytes:
    return _encoder.encode(broadcast)


def decode_broadcast(value: bytes) -> Broadcast:
    """Raises msgspec.DecodeError or UnicodeDecodeError on what encode_broadcast did not write."""
    return _decoder.decode(value)
