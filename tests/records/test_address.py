import pytest

from records.address import AddressCipher, packed_address, prefix_of


def test_equal_addresses_do_not_look_equal_and_open_again():
    cipher = AddressCipher(bytes(16))
    address = packed_address("203.0.113.9")

    sealed = {cipher.apply(address, lane=7, seq=seq) for seq in range(1, 100)}

    assert len(sealed) == 99
    assert cipher.apply(cipher.apply(address, 7, 1), 7, 1) == address
    assert AddressCipher(b"another key 16by").apply(cipher.apply(address, 7, 1), 7, 1) != address


@pytest.mark.parametrize("count", [0, 1, 300])
def test_many_addresses_are_sealed_as_each_alone(count):
    cipher = AddressCipher(bytes(16))
    addresses = [packed_address(f"2001:db8::{number:x}") for number in range(count)]
    lanes = [2**64 - 1 - number % 3 for number in range(count)]

    together = cipher.apply_all(b"".join(addresses), lanes, range(count))

    assert together == [cipher.apply(*each) for each in zip(addresses, lanes, range(count), strict=True)]


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4:80", "[::1]"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="address"):
        packed_address(text)


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("203.0.113.1", "203.0.113.255", True),
        ("203.0.113.1", "203.0.114.1", False),
        ("2001:db8:1::1", "2001:db8:1:ff:ff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("0.0.0.1", "::1", False),
    ],
)
def test_a_prefix_is_a_24_of_ipv4_and_a_48_of_ipv6(address, other, same):
    assert (prefix_of(packed_address(address)) == prefix_of(packed_address(other))) is same
