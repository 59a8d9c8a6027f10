"""Blocks of links in an edge's memory: how many bytes, for how long, and what the newest news does to them."""

from edge.block_memory import ENTRY_BYTES, BlockMemory
from edge.memory import EdgeMemory
from records.keys import BLOCK_SIZE, erased_key
from records.link import Link, encode_link
from records.link_block import make_block

SIZE = 1000  # bytes that a block of these tests takes


def block_of(contact_id="c-0", place=0):
    return make_block({place: encode_link(Link(1, 0, 0, contact_id))})


def of_size(number):
    return block_of(f"c-{number}").ljust(SIZE - ENTRY_BYTES, b"\0")


def contact(memory, link_id):
    link = memory.link(link_id)
    return link and link.contact_id


def test_a_link_of_a_block_that_is_held_is_known_and_its_absent_neighbour_is_not():
    memory = BlockMemory()

    memory.keep(2, block_of("c-131", place=3))

    assert contact(memory, 2 * BLOCK_SIZE + 3) == "c-131"
    assert memory.link(2 * BLOCK_SIZE + 4) is None
    assert memory.link(3) is None


def test_no_more_bytes_are_held_than_may_be_whatever_comes():
    memory = BlockMemory(100 * SIZE)

    for number in range(1000):
        memory.keep(number, of_size(number))
        assert memory.held_bytes <= 101 * SIZE, "one comes before another goes"

    assert memory.held_bytes == len(memory) * SIZE >= 50 * SIZE
    assert memory.evicted + len(memory) >= 1000 - 50
    assert contact(memory, 999 * BLOCK_SIZE) == "c-999"
    assert memory.link(0) is None


def test_what_is_tapped_again_and_again_stays_while_others_come_and_go():
    memory = BlockMemory(100 * SIZE)
    memory.keep(0, of_size(0))

    for number in range(1, 1000):
        memory.keep(number, of_size(number))
        if number % 40 == 0:
            assert contact(memory, 0) == "c-0"

    assert contact(memory, 0) == "c-0"


def test_a_block_that_is_read_again_counts_once():
    memory = BlockMemory(100 * SIZE)

    for _ in range(1000):
        memory.keep(7, of_size(7))

    assert (len(memory), memory.held_bytes, memory.evicted) == (1, SIZE, 0)


def test_a_block_larger_than_all_may_be_is_not_held():
    memory = BlockMemory(10 * SIZE)
    memory.keep(1, of_size(1))

    memory.keep(2, bytes(11 * SIZE))

    assert contact(memory, BLOCK_SIZE) == "c-1"
    assert (len(memory), memory.held_bytes) == (1, SIZE)


def test_without_memory_nothing_is_held():
    memory = BlockMemory(0)

    for number in range(10):
        memory.keep(number, of_size(number))

    assert (len(memory), memory.held_bytes, memory.link(0)) == (0, 0, None)


def test_after_a_connection_comes_back_blocks_are_read_again_and_known_meanwhile():
    memory = BlockMemory(100 * SIZE)
    for number in range(40):
        memory.keep(number, of_size(number))

    memory.connected()

    assert memory.link(0) is None
    assert memory.last_known(0).contact_id == "c-0"
    memory.keep(0, block_of("c-new"))
    assert contact(memory, 0) == memory.last_known(0).contact_id == "c-new"
    assert memory.link(BLOCK_SIZE) is None


def test_what_was_known_before_a_lost_connection_makes_room_too():
    memory = BlockMemory(100 * SIZE)
    for number in range(90):
        memory.keep(number, of_size(number))

    for _ in range(3):
        memory.connected()
        assert memory.held_bytes <= 50 * SIZE
        for number in range(100, 180):
            memory.keep(number, of_size(number))
            assert memory.held_bytes <= 101 * SIZE

    assert contact(memory, 179 * BLOCK_SIZE) == "c-179"


def test_a_link_that_was_erased_is_not_known_any_more_not_even_while_no_store_answers():
    memory = EdgeMemory(lambda: 100.0)
    memory.connected()
    memory.blocks.keep(0, block_of("c-5", place=5))

    memory.changed([erased_key(5)])

    assert memory.blocks.link(5) is None
    assert memory.links.last_known(5) is None


def test_the_walk_knows_a_link_of_a_former_connection_and_does_not_believe_it():
    memory = EdgeMemory(lambda: 100.0)
    memory.blocks.keep(0, block_of("c-5", place=5))
    memory.connected()

    assert memory.links.fresh(5, 100.0) is None
    assert memory.links.last_known(5).value.contact_id == "c-5"
    assert memory.links.fresh(5, 100.0) is None


def test_bytes_that_are_no_block_hold_no_link():
    memory = BlockMemory()

    memory.keep(0, b"\xff" * 200)

    assert [memory.link(place) for place in range(BLOCK_SIZE)] == [None] * BLOCK_SIZE
