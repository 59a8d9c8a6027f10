from ipaddress import ip_address

import pytest

from records.public_address import is_public


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_what_everybody_can_reach_is_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.88.99.1", "198.18.0.1", "::", "::1", "fe80::1", "fd00::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1",
        "2002:c0a8:1::", "2001:0:7f00:1::", "fec0::1", "3fff:fff::1",
    ],
)  # fmt: skip
def test_what_leads_elsewhere_is_not(text):
    assert not is_public(ip_address(text))
