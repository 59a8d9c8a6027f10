"""A short domain: the branded host that links live on."""

from typing import Annotated

import msgspec

from records.forms import FLAG, JSON_FILES, NAME, ROBOTS, STATUS, URL, Option
from records.page import PAGE
from records.preview import PREVIEW


class Domain(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One branded host.

    The one description of a domain. Fields are the columns of table `domains` and, in their order, the value in Redis;
    those with a form are the bodies and answers of the API and the options of `taptrail domain put`. A new field goes
    last, with a default, and needs a column.
    """

    short_domain: str  # lower case, no port, no trailing dot
    account: str
    display_name: Annotated[str, NAME, Option()] = ""
    # "" answers a small branded page.
    home: Annotated[str, URL, Option("Where the bare domain leads.")] = ""
    # "" answers the branded 404 page.
    not_found: Annotated[str, URL, Option("Where unknown codes lead.")] = ""
    # For expired and stopped links whose broadcast has no fallback.
    expired: Annotated[str, URL, Option("Where links that are over lead.")] = ""
    # Of broadcasts that set none.
    status: Annotated[int, STATUS, Option("Of its redirects.")] = 302
    # File below /.well-known/ -> its JSON text, served as it is.
    app_links: Annotated[dict[str, str], JSON_FILES] = {}
    version: int = 0  # Unix milliseconds of the write, strictly growing; the highest is in force
    deleted: bool = False  # nobody's: there is no such domain, until an account registers it again
    # "" keeps every crawler out.
    robots: Annotated[str, ROBOTS, Option("The text of its robots.txt.")] = ""
    asks_opt_out: Annotated[bool, FLAG, Option("Warn of texts that do not say how to opt out.")] = False
    # Of records/page.py, by name.
    page: Annotated[dict[str, str], PAGE, Option("How its pages look, whole; an empty one clears it.")] = {}
    # Of records/preview.py, by name; of broadcasts that have none.
    preview: Annotated[dict[str, str], PREVIEW, Option("What apps show of its links; an empty one clears it.")] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Domain)


def encode_domain(domain: Domain) -> bytes:
    return _encoder.encode(domain)


def decode_domain(value: bytes) -> Domain:
    """Raises msgspec.DecodeError or UnicodeDecodeError on what encode_domain did not write."""
    return _decoder.decode(value)
