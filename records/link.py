"""A link: what is one short URL's own. Everything its broadcast shares is in the broadcast."""

import msgspec

CANARY = "canary:"  # begins the contact_id of a link that was made to see who taps it, and no contact's


class Link(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The record of one link in Redis (link_block.py), msgpack, 15 to 19 bytes with a 10-character contact.

    The link id is the place it is kept at, so it is not repeated in the record.
    """

    broadcast_no: int
    destination_index: int  # which of the broadcast's destinations
    audience_no: int  # place in the broadcast's `audiences`
    contact_id: str  # "" for a shared link (keyword, poster, vanity slug)
    slug: str = ""  # the code a person chose, instead of the sealed one
    fields: dict[str, str] | None = None  # of the contact, those that destinations name


_encoder = msgspec.msgpack.Encoder()


def encode_link(link: Link) -> bytes:
    """Bytes for Redis; slug and fields are left out where there are none."""
    short = (link.broadcast_no, link.destination_index, link.audience_no, link.contact_id)
    if link.fields:
        return _encoder.encode((*short, link.slug, link.fields))
    return _encoder.encode((*short, link.slug) if link.slug else short)


# Bytes -> Link; raises msgspec.DecodeError or UnicodeDecodeError on what encode_link did not write. No function of ours
# around it: it is called for every tap.
decode_link = msgspec.msgpack.Decoder(Link).decode
