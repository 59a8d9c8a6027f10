"""A short domain: the branded host that links live on."""

import msgspec


class Domain(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One branded host. Field names are the columns of table `domains`."""

    short_domain: str  # lower case, no port, no trailing dot
    account: str
    display_name: str = ""
    home: str = ""  # where GET / goes; "" answers a small branded page
    not_found: str = ""  # where unknown codes go; "" answers the branded 404 page
    expired: str = ""  # where expired and stopped links go when their broadcast has no fallback
    status: int = 302  # redirect status of broadcasts that set none: 301, 302, 303, 307 or 308
    app_links: dict[str, str] = {}  # file below /.well-known/ -> its JSON text, served as it is
    version: int = 0  # Unix milliseconds of the write, strictly growing; the highest is in force


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Domain)


def encode_domain(domain: Domain) -> bytes:
    return _encoder.encode(domain)


def decode_domain(value: bytes) -> Domain:
    """Raises msgspec.DecodeError or UnicodeDecodeError on what encode_domain did not write."""
    return _decoder.decode(value)
