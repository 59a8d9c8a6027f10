"""How many wrong keys one address may try."""

from control.access.guesses import IN_S, MOST_ADDRESSES, MOST_WRONG, Guesses


def wrong(guesses, address, times, at_s=0.0):
    for _ in range(times):
        guesses.was_wrong(address, at_s)


def test_an_address_waits_when_it_has_tried_too_many_wrong_keys():
    guesses = Guesses()
    wrong(guesses, "192.0.2.1", MOST_WRONG - 1)
    assert guesses.wait_s("192.0.2.1", 1.0) == 0

    wrong(guesses, "192.0.2.1", 1)

    assert guesses.wait_s("192.0.2.1", 1.0) == IN_S - 1.0
    assert guesses.wait_s("192.0.2.2", 1.0) == 0
    assert guesses.wait_s("192.0.2.1", IN_S) == 0


def test_all_addresses_of_an_ipv6_line_are_one():
    guesses = Guesses()
    wrong(guesses, "2001:db8:1:2::1", MOST_WRONG)

    assert guesses.wait_s("2001:db8:1:2:ffff::9", 1.0) > 0
    assert guesses.wait_s("2001:db8:1:3::1", 1.0) == 0


def test_what_strangers_make_it_remember_has_a_bound():
    guesses = Guesses()
    for number in range(MOST_ADDRESSES + 50):
        guesses.was_wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)

    wrong(guesses, "192.0.2.1", MOST_WRONG * 3)

    assert len(guesses._wrong) == MOST_ADDRESSES
    assert len(guesses._wrong["192.0.2.1"]) == MOST_WRONG
