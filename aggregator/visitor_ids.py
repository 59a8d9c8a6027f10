"""Who is behind visits: a hash under a salt of their day. Pure."""

from collections.abc import Iterable
from operator import add

from siphashc import siphash


def visitor_ids(salts: Iterable[bytes], addresses: Iterable[bytes], user_agents: Iterable[bytes]) -> list[int]:
    """For each visit 64 bits that distinguish the visitors of one day; never 0. Without its salt nobody can undo them.

    SipHash-2-4. salts: 16 random bytes; addresses: 16 bytes, plain; user_agents: as the row keeps them, in UTF-8.
    """
    hashes = [*map(siphash, salts, map(add, addresses, user_agents))]
    return hashes if all(hashes) else [found or 1 for found in hashes]
