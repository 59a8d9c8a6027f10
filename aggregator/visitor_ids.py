"""Who is behind visits: a hash under a salt of their day. Pure."""

from collections.abc import Iterable

from siphashc import siphash


def visitor_ids(salts: Iterable[bytes], addresses: Iterable[bytes], user_agents: Iterable[bytes]) -> list[int]:
    """For each visit 64 bits that distinguish the visitors of one day; never 0. Without its salt nobody can undo them.

    SipHash-2-4. salts: 16 random bytes; addresses: 16 bytes, plain; user_agents: as the row keeps them, in UTF-8.
    """
    visits = zip(salts, addresses, user_agents, strict=True)
    return [siphash(salt, address + user_agent) or 1 for salt, address, user_agent in visits]
