"""Whether an IP address is one that everybody on the internet can reach. Pure."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA gives out (RFC 4291 2.4); Python calls more than that global
_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637; Python 3.11 calls it global
_IPV4_AT_THE_END = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))
_SIX_TO_FOUR_RELAY = IPv4Address("192.88.99.1")  # withdrawn (RFC 7526); Python 3.11 calls it global


def is_public(address: Address) -> bool:
    """False for private, local, multicast and tunnelled addresses, and for IPv6 ones that lead to such an IPv4 one."""
    reached = ipv4_within(address) or address
    if isinstance(reached, IPv6Address) and (reached not in _GLOBAL_UNICAST or reached in _DOCUMENTATION):
        return False
    return bool(reached.is_global) and not reached.is_multicast and reached != _SIX_TO_FOUR_RELAY


def ipv4_within(address: Address) -> IPv4Address | None:
    """The address that an IPv6 one leads to: mapped, 6to4, compatible (RFC 4291, 2.5.5.1) or NAT64 (RFC 6052)."""
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _IPV4_AT_THE_END):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
