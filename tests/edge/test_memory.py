"""What an edge believes, and for how long."""

from edge.memory import EdgeMemory
from edge.record_memory import CachedRecord, RecordMemory
from records.broadcast import Broadcast, encode_broadcast
from records.domain import Domain
from records.keys import broadcast_key, domain_key, erased_key, slug_key
from records.link import Link

DOMAIN = Domain("go.acme.example", "main")


def tracked(capacity=3, **options):
    memory = RecordMemory(capacity, **options)
    memory.connected()
    return memory


def test_a_record_is_believed_for_thirty_seconds_while_changes_are_heard_of():
    memory = tracked()

    memory.keep("a", 1, now_s=100.0)

    assert memory.fresh("a", 129.9) == CachedRecord(1, 130.0)
    assert memory.fresh("a", 130.0) is None
    assert memory.last_known("a").value == 1


def test_a_record_is_believed_for_half_a_second_while_no_change_can_be_heard_of():
    memory = RecordMemory(3)

    memory.keep("a", 1, now_s=100.0)

    assert memory.fresh("a", 100.4)
    assert memory.fresh("a", 100.5) is None


def test_that_there_is_no_record_is_believed_for_two_seconds():
    memory = tracked()

    memory.keep("a", None, now_s=100.0)

    assert memory.fresh("a", 101.9) == CachedRecord(None, 102.0)
    assert memory.fresh("a", 102.0) is None
    assert memory.last_known("a") is None


def test_the_oldest_record_makes_room():
    memory = tracked(capacity=3)

    for key in "abcd":
        memory.keep(key, key, now_s=100.0)

    assert [bool(memory.fresh(key, 100.0)) for key in "abcd"] == [False, True, True, True]


def test_a_record_that_changed_is_read_again_and_a_load_under_way_is_not_kept():
    memory = tracked()
    memory.keep("a", 1, now_s=100.0)
    memory.loading["a"] = memory.loading["b"] = object()

    memory.forget("a")

    assert memory.fresh("a", 100.0) is None
    assert memory.last_known("a").value == 1
    assert list(memory.loading) == ["b"]


def test_after_a_lost_connection_everything_that_may_change_is_read_again():
    memory, links = tracked(), tracked(changes=False)
    for records in (memory, links):
        records.keep("a", 1, now_s=100.0)
        records.keep("b", None, now_s=100.0)
        records.lost(now_s=101.0)

    assert [memory.fresh(key, 101.0) for key in "ab"] == [None, None]
    assert links.fresh("a", 1e9).value == 1
    assert links.fresh("b", 101.0) is None


def test_after_a_connection_comes_back_a_link_is_read_again_and_known_meanwhile():
    links = tracked(changes=False)
    links.keep("a", 1, now_s=100.0)
    links.lost(now_s=101.0)
    assert links.fresh("a", 1e9).value == 1

    links.connected()

    assert links.fresh("a", 101.0) is None
    assert links.last_known("a").value == 1


def test_a_link_of_an_erased_contact_is_not_known_any_more():
    memory = EdgeMemory(lambda: 100.0)
    memory.connected()
    for link_id in (6, 7):
        memory.links.keep_weighed(link_id, Link(1, 0, 0, "c-1"), 100.0)
    memory.links.loading[7] = object()

    memory.changed([erased_key(7), "tt:e:", "tt:e:x"])

    assert memory.links.fresh(6, 100.0)
    assert memory.links.fresh(7, 100.0) is None
    assert memory.links.last_known(7) is None
    assert memory.links.loading == {}
    assert memory.links.held_bytes == tracked_bytes(6)


def tracked_bytes(link_id):
    alone = EdgeMemory(lambda: 100.0)
    alone.links.keep_weighed(link_id, Link(1, 0, 0, "c-1"), 100.0)
    return alone.links.held_bytes


def test_a_redis_that_was_emptied_makes_nothing_unknown():
    memory = tracked()
    memory.keep("a", 1, now_s=100.0)
    memory.keep("b", None, now_s=100.0)

    memory.flushed()

    assert [memory.fresh(key, 100.0) for key in "ab"] == [None, None]
    assert memory.last_known("a").value == 1


def test_a_changed_key_is_forgotten_by_the_kind_of_record_that_it_holds():
    memory = EdgeMemory(lambda: 100.0)
    memory.connected()
    memory.domains.keep("go.acme.example", DOMAIN, 100.0)
    memory.broadcasts.keep(7, None, 100.0)
    memory.slugs.keep(("go.acme.example", "SALE"), 5, 100.0)
    memory.slugs.keep(("go.acme.example", "sale"), 6, 100.0)

    memory.changed([domain_key("go.acme.example"), broadcast_key(7), slug_key("go.acme.example", "SALE"), "tt:b:x"])

    assert memory.domains.fresh("go.acme.example", 100.0) is None
    assert memory.broadcasts.fresh(7, 100.0) is None
    assert memory.slugs.fresh(("go.acme.example", "SALE"), 100.0) is None
    assert memory.slugs.fresh(("go.acme.example", "sale"), 100.0).value == 6


def large(index):
    """A domain as large as the API takes one in."""
    return Domain(f"d{index}.example", "main", app_links={f"{file}.json": "x" * 118_000 for file in range(8)})


def test_records_that_are_large_make_room_for_each_other_by_their_bytes():
    memory = RecordMemory(20_000, max_bytes=4_000_000)
    memory.connected()

    for index in range(60):
        memory.keep_weighed(index, large(index), now_s=100.0)

    kept = [index for index in range(60) if memory.last_known(index)]
    assert kept == [56, 57, 58, 59]
    assert memory.held_bytes <= 4_000_000


def test_what_was_read_again_is_not_the_next_to_make_room():
    memory = RecordMemory(20_000, max_bytes=3_500_000)
    for index in (0, 1, 2, 0, 3):
        memory.keep_weighed(index, large(index), now_s=100.0)

    assert [bool(memory.last_known(index)) for index in range(4)] == [True, False, True, True]


def test_a_record_larger_than_the_bound_stays_alone():
    memory = RecordMemory(20_000, max_bytes=500_000)
    for index in range(3):
        memory.keep_weighed(index, large(index), now_s=100.0)

    assert [bool(memory.last_known(index)) for index in range(3)] == [False, False, True]


def test_what_makes_room_by_number_is_not_weighed_any_more():
    memory = RecordMemory(3, max_bytes=10_000_000)

    for index in range(50):
        memory.keep_weighed(index % 7, large(index), now_s=100.0)
        memory.keep_weighed(None, None, now_s=100.0)
        memory.flushed()

    assert memory.held_bytes < 4_000_000


def test_many_short_texts_weigh_what_they_take():
    audiences = tuple(f"a{number}" for number in range(10_000))
    broadcast = Broadcast(1, "main", "spring", "go.acme.example", audiences=audiences)
    memory = RecordMemory(20_000)

    memory.keep_weighed(1, broadcast, now_s=100.0)

    assert memory.held_bytes > 9 * len(encode_broadcast(broadcast))
