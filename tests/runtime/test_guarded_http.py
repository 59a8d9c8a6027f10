"""No request reaches an address that is not public, by whatever name or way."""

import socket
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from records.networks import Networks
from runtime.guarded_http import NotAllowed, check_address, guarded_connector

LOOPBACK = Networks([ip_network("127.0.0.0/8"), ip_network("::1/128")])


class Resolver(AbstractResolver):
    """A name server in a stranger's hands."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": socket.AI_NUMERICHOST}
            for each in self._addresses
        ]

    async def close(self):
        pass


async def get(url, **options):
    async with aiohttp.ClientSession(connector=guarded_connector(Networks(), **options)) as session, session.get(url):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://169.254.169.254/",
    ],
)
async def test_no_connection_is_made_to_an_address_that_is_not_public(url):
    with pytest.raises(NotAllowed, match="is not a public address"):
        await get(url)


async def test_a_name_with_one_private_address_among_public_ones_is_refused():
    with pytest.raises(NotAllowed, match=r"10\.0\.0\.1 is not a public address"):
        await get("http://shop.example/", resolver=Resolver("10.0.0.1", "93.184.215.14"))


async def test_the_port_is_one_of_the_web():
    with pytest.raises(NotAllowed, match="port 6379 is neither 80 nor 443"):
        await get("http://93.184.215.14:6379/")


def test_a_network_that_a_setting_names_is_allowed_on_any_port():
    check_address("127.0.0.1", 6379, LOOPBACK)
    check_address("::1", 80, LOOPBACK)
    check_address("::ffff:127.0.0.1", 80, LOOPBACK)
    with pytest.raises(NotAllowed):
        check_address("10.0.0.1", 443, LOOPBACK)


def test_public_addresses_are_allowed():
    check_address("93.184.215.14", 443, Networks())
    check_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c", 80, Networks())
