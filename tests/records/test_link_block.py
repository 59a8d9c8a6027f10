"""How neighbouring links stand in one value of Redis."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.keys import BLOCK_SIZE, block_key, large_link_key
from records.link import Link, encode_link
from records.link_block import MAX_RECORD, link_in, make_block
from records.link_writes import link_writes, refill_write, removals
from tests.support.links import records_in

HEAD = 2 + 65 * 2
records = st.dictionaries(
    st.integers(0, BLOCK_SIZE - 1), st.binary(min_size=1, max_size=20) | st.sampled_from([b"a", b"ab", b"abc" * 100])
)


def test_the_bytes_of_a_block_are_these():
    block = make_block({0: b"\x94\x07\x00\x00\xa3c-1", 63: b"\x94\x07\x00\x00\xa3c-2"})

    shared = HEAD + 7
    starts = [shared, *[shared + 1] * 63, shared + 2]
    index = b"".join(start.to_bytes(2, "little") for start in starts)
    assert block == b"\x07\x00" + index + b"\x94\x07\x00\x00\xa3c-" + b"1" + b"2"


@given(records.filter(bool))
def test_what_is_in_a_block_is_found_in_its_place(some):
    block = make_block(some)

    assert records_in(block) == some
    assert make_block(records_in(block)) == block


def test_records_that_are_all_the_same_are_records_each():
    assert records_in(make_block(dict.fromkeys(range(BLOCK_SIZE), b"same"))) == dict.fromkeys(range(64), b"same")


def test_sixty_four_of_the_largest_records_have_room():
    some = {place: bytes([place]) * MAX_RECORD for place in range(BLOCK_SIZE)}

    assert records_in(make_block(some)) == some


def test_a_full_block_of_contacts_with_ten_characters_takes_less_than_sixteen_bytes_a_link():
    links = [encode_link(Link(123_456, 0, 1, f"{7 * place:010d}")) for place in range(BLOCK_SIZE)]

    assert len(make_block(dict(enumerate(links)))) < 16 * BLOCK_SIZE


@given(st.binary(max_size=400), st.integers(0, BLOCK_SIZE - 1))
def test_any_bytes_have_a_link_or_none(block, place):
    assert isinstance(link_in(block, place), Link | None)


@given(st.data())
def test_a_block_that_was_cut_or_changed_has_its_links_or_none(data):
    whole = make_block({place: encode_link(Link(1, 0, 0, f"c-{place}")) for place in range(BLOCK_SIZE)})
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]

    for block in (cut, changed):
        for place in range(BLOCK_SIZE):
            assert isinstance(link_in(block, place), Link | None)


def test_a_whole_block_is_one_value_and_a_part_of_one_loses_no_neighbour():
    links = [Link(1, 0, 0, f"c-{number}") for number in range(70)]

    (first, *_), whole, last = link_writes(range(60, 130), links, 9)

    assert first == "EVAL"
    assert whole == ["SET", block_key(1), make_block(dict(enumerate(map(encode_link, links[4:68])))), "EX", 9]
    assert (last[0], last[3]) == ("EVAL", block_key(2))


def test_a_link_too_large_for_a_block_stands_alone():
    large = Link(1, 0, 0, "c-1", "", {"order": "x" * MAX_RECORD})

    assert link_writes([1], [large], 9) == [["SET", large_link_key(1), encode_link(large), "EX", 9]]
    assert refill_write(1, large, 9) == ["SET", large_link_key(1), encode_link(large), "EX", 9]


async def test_redis_changes_a_block_as_these_records_are_changed(redis):
    random = Random(7)
    for number in range(40):
        kept: dict[int, bytes] = {}
        for _ in range(random.randrange(1, 20)):
            some = {random.randrange(BLOCK_SIZE): _any_link(random) for _ in range(random.randrange(1, 6))}
            for place, link in some.items():
                link_id = number * BLOCK_SIZE + place
                if link is None:
                    await _all(redis, removals(link_id))
                    kept.pop(place, None)
                else:
                    await _all(redis, link_writes([link_id], [link], 100))
                    kept[place] = encode_link(link)

        block = await redis.get(block_key(number))
        assert (records_in(block) if block else {}) == kept


def _any_link(random):
    if random.random() < 0.3:
        return None
    return Link(random.choice([1, 300, 70_000]), 0, 0, random.choice(["", "c-1", "c-12", "x" * 300]))


async def _all(redis, writes):
    for write in writes:
        await redis.execute_command(*write)


async def test_the_block_of_a_minting_is_kept_anew_and_that_of_a_refill_for_its_own_time(redis):
    one, other = Link(1, 0, 0, "c-1"), Link(1, 0, 0, "c-2")
    await _all(redis, [refill_write(1, one, 100)])
    assert 0 < await redis.ttl(block_key(0)) <= 100

    await _all(redis, [refill_write(2, other, 1000)])
    assert 0 < await redis.ttl(block_key(0)) <= 100
    await _all(redis, link_writes([3], [one], 1000))
    assert 100 < await redis.ttl(block_key(0)) <= 1000
    await _all(redis, removals(2))
    assert 100 < await redis.ttl(block_key(0)) <= 1000


ONE = make_block({1: b"one"})
FALLING = ONE[:8] + b"\xff\xff" + ONE[10:]  # place 3 ends behind where place 4 begins


@pytest.mark.parametrize("broken", [b"", b"x", b"\xff" * 200, b"\0" * 132, ONE[:-1], FALLING])
async def test_bytes_that_are_no_block_give_way_to_one(redis, broken):
    await redis.set(block_key(0), broken)

    await _all(redis, link_writes([2], [Link(1, 0, 0, "c-2")], 100))

    assert records_in(await redis.get(block_key(0))) == {2: encode_link(Link(1, 0, 0, "c-2"))}
