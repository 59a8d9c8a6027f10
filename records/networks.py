"""Networks as a setting names them. Pure."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import ClassVar, Self


class Networks(tuple[IPv4Network | IPv6Network, ...]):
    """Address ranges, given as CIDRs separated by commas."""

    EXPECTED: ClassVar[str] = "CIDRs separated by commas"

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(ip_network(part.strip()) for part in text.split(",") if part.strip())
