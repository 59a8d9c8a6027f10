"""Who is behind visits: a hash under a salt of their day. Pure."""

from siphashc import siphash


def visitor_id(salt: bytes, address: bytes, user_agent: str) -> int:
    """64 bits that distinguish the visitors of one day; never 0. SipHash-2-4: without its salt nobody can undo it.

    salt: 16 random bytes; address: 16 bytes, plain; user_agent: as the row keeps it.
    """
    return siphash(salt, address + user_agent.encode()) or 1
