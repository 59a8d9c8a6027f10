from aggregator.visitor_ids import visitor_ids
from records.address import packed_address

SALT = bytes(range(16))
ADDRESS = packed_address("203.0.113.77")


def visitor_id(salt, address, user_agent):
    (found,) = visitor_ids([salt], [address], [user_agent.encode()])
    return found


def test_a_visitor_is_the_same_under_one_salt_and_another_under_the_next():
    assert visitor_id(SALT, ADDRESS, "phone") == 0xBEF8_524B_33C4_A82C  # stays so: rows of one day are compared
    assert visitor_id(SALT, ADDRESS, "phone") != visitor_id(SALT[::-1], ADDRESS, "phone")


def test_address_and_agent_tell_visitors_apart():
    ids = {
        visitor_id(SALT, packed_address(address), agent)
        for address in ("203.0.113.77", "203.0.113.78", "2001:db8::1")
        for agent in ("phone", "tablet", "", "\N{SNOWMAN}")
    }

    assert len(ids) == 12
    assert all(0 < visitor < 2**64 for visitor in ids)
