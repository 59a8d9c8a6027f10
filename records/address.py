"""Addresses of visitors, 16 bytes each: packed, sealed, and as much of them as is kept."""

from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Address, ip_address
from itertools import chain, repeat
from struct import Struct

from siphashc import siphash

_IPV4 = bytes(10) + b"\xff\xff"  # before the four bytes of IPv4 in its IPv4-mapped IPv6 form (RFC 4291 2.5.5.2)
_TWO_NUMBERS = Struct("<QQ")


def packed_address(text: str) -> bytes:
    """16 bytes of an address, IPv4 in its IPv4-mapped form. ValueError for anything else."""
    address = ip_address(text)
    return _IPV4 + address.packed if isinstance(address, IPv4Address) else address.packed


def prefix_of(address: bytes) -> bytes:
    """The /24 of an IPv4 address (3 bytes), the /48 of any other (6): what one customer of a provider can have."""
    return address[12:15] if address.startswith(_IPV4) else address[:6]


def prefixes_of(addresses: Iterable[bytes]) -> list[bytes]:
    """`prefix_of` of each, without a call for each."""
    return [address[12:15] if address[:12] == _IPV4 else address[:6] for address in addresses]


class AddressCipher:
    """Seals visitors' addresses so that no spool, stream or backup can be read for them.

    A sealed address is the 16 bytes of the IPv6 form, each half XORed with SipHash-2-4 of (lane, seq) under a key of
    its own: a pseudo-random function (Aumasson and Bernstein, 2012) in counter mode. As (lane, seq) never repeats,
    equal addresses do not look equal. Sealing and opening are the same operation.
    """

    def __init__(self, code_key: bytes) -> None:
        keys = blake2b(digest_size=32, key=code_key, person=b"taptrail address"[:16]).digest()
        self._keys = keys[:16], keys[16:]

    def apply(self, address: bytes, lane: int, seq: int) -> bytes:
        """address: 16 bytes, plain or sealed; gives 16 bytes, sealed or plain."""
        first, second = _TWO_NUMBERS.unpack(address)
        identity = _TWO_NUMBERS.pack(lane, seq)
        key, other_key = self._keys
        return _TWO_NUMBERS.pack(first ^ siphash(key, identity), second ^ siphash(other_key, identity))

    def apply_all(self, addresses: bytes, lanes: Iterable[int], seqs: Iterable[int]) -> list[bytes]:
        """`apply` to each, in a third of its time: the interpreter runs no step of its own for each address.

        addresses: one behind the other.
        """
        identities = [*map(_TWO_NUMBERS.pack, lanes, seqs)]
        halves = zip(*(map(siphash, repeat(key), identities) for key in self._keys), strict=True)
        mask = Struct(f"<{2 * len(identities)}Q").pack(*chain.from_iterable(halves))
        applied = int.from_bytes(addresses, "little") ^ int.from_bytes(mask, "little")
        whole = applied.to_bytes(len(mask), "little")
        return [whole[at : at + 16] for at in range(0, len(whole), 16)]
