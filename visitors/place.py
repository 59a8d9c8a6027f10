"""Where a visit came from: the place of its network, which on a phone is mostly its carrier's gateway."""

from typing import Protocol

import msgspec


class Place(msgspec.Struct, frozen=True, gc=False):
    """What is known of the /24 or /48 of an address; "" and 0 are "not known". Field names are columns of `clicks`."""

    country: str = ""  # ISO 3166-1, two letters
    region: str = ""
    city: str = ""
    asn: int = 0
    as_org: str = ""
    ip_prefix: str = ""  # "203.0.113.0/24", "2001:db8:1::/48"; "" for an address that was not readable


NOWHERE = Place()


class Places(Protocol):
    """Knows places of networks."""

    def look_up(self, prefix: bytes, /) -> Place:
        """prefix: of prefix_of(address)."""
