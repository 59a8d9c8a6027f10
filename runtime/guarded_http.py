"""Connections to addresses that strangers chose: none leads into a network that is not public.

The check stands where a socket is made. A resolver is not asked for literal addresses, and what it answers may have
changed by the time of the connection; a socket sees every connection, of redirects too.
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import aiohttp

from records.networks import Networks
from records.public_address import is_public

_PORTS = (80, 443)


class NotAllowed(Exception):
    """A connection that was not made. Not an OSError: the client would go on to the next address of the name."""


def guarded_connector(allow: Networks, **options: Any) -> aiohttp.TCPConnector:
    """Connects to public addresses on ports 80 and 443, and to any port of the networks in `allow`.

    A request through it raises NotAllowed for anything else. options: those of aiohttp.TCPConnector.
    """
    return aiohttp.TCPConnector(socket_factory=_guarded(allow), happy_eyeballs_delay=None, **options)


def _guarded(allow: Networks) -> Callable[[Any], socket.socket]:
    def socket_of(address_info: Any) -> socket.socket:
        family, kind, protocol, _, (host, port, *_) = address_info
        check_address(host, port, allow)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return socket_of


def check_address(host: str, port: int, allow: Networks) -> None:
    """Raises NotAllowed."""
    address = ip_address(host.partition("%")[0])
    reached = getattr(address, "ipv4_mapped", None) or address
    if any(reached in network for network in allow):
        return
    if not is_public(address):
        raise NotAllowed(f"{host} is not a public address")
    if port not in _PORTS:
        raise NotAllowed(f"port {port} is neither 80 nor 443")
