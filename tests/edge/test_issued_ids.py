"""Which ids may have been issued, by all that happens to the counter."""

from edge.issued_ids import FRESH_S, IssuedIds
from records.code import DOMAIN

NOW = 1000.0


def counted(count):
    issued = IssuedIds()
    issued.connected()
    redis_counts(issued, count)
    return issued


def redis_counts(issued, count):
    issued.redis_counts(count, asked_at_change=issued.changes, now_s=NOW)


def clickhouse_counts(issued, count):
    issued.clickhouse_counts(count, asked_at_change=issued.changes)


def test_ids_below_the_counter_of_redis_may_have_been_issued():
    issued = counted(20)

    assert (issued.below, issued.is_confirmed) == (20, False)


def test_redis_is_asked_again_after_a_moment_or_a_change():
    issued = counted(20)

    assert issued.is_fresh(NOW + FRESH_S / 2)
    assert not issued.is_fresh(NOW + FRESH_S * 2)
    issued.changed()
    assert not issued.is_fresh(NOW)


def test_a_count_that_a_change_outdated_does_not_count_as_asked():
    issued = counted(20)
    asked_at_change = issued.changes
    issued.changed()

    issued.redis_counts(21, asked_at_change=asked_at_change, now_s=NOW)

    assert issued.below == 21
    assert not issued.is_fresh(NOW)


def test_every_code_may_be_a_link_while_redis_cannot_say():
    issued = counted(20)

    redis_counts(issued, None)
    assert issued.below == DOMAIN
    issued.changed()
    assert issued.below == 20

    issued.lost()
    assert issued.below == DOMAIN
    redis_counts(issued, 20)  # an answer that was under way when the connection was lost
    assert issued.below == DOMAIN


def test_the_highest_count_ever_seen_stays_true_on_a_redis_that_knows_less():
    issued = counted(40)
    clickhouse_counts(issued, 40)
    assert issued.is_confirmed

    redis_counts(issued, 20)

    assert (issued.below, issued.is_confirmed) == (40, False)


def test_clickhouse_is_asked_once_a_connection():
    issued = counted(20)
    clickhouse_counts(issued, 40)
    assert (issued.below, issued.is_confirmed) == (40, True)

    issued.lost()
    issued.connected()
    assert (issued.below, issued.is_confirmed) == (40, False)
    clickhouse_counts(issued, 40)
    issued.flushed()
    assert (issued.below, issued.is_confirmed) == (40, False)


def test_what_clickhouse_counted_before_a_change_confirms_nothing():
    issued = counted(20)
    asked_at_change = issued.changes
    issued.changed()

    issued.clickhouse_counts(40, asked_at_change=asked_at_change)

    assert (issued.below, issued.is_confirmed) == (40, False)
