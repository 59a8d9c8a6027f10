"""Scanners are found by what one network does to many contacts; people who share its address are not taken for one."""

import random

import pytest

from loadtest.scanner_simulation import Outcome, by_neighbours, outcome
from visitors.neighbours import ALL_AT_ONCE, MANY_CONTACTS, TOO_SOON
from visitors.scanners import (
    Sending,
    Tap,
    poisson_quantile,
    rank_correlation,
    reasons_of,
    scans_in,
    trusted_send,
)

SENT_MS = 1_700_000_000_000
TWO_LINKS = Sending(links_a_message=2)


def taps(contacts, *, gap_ms=1_000, agent="Scanner", start_ms=SENT_MS + 60_000):
    """A visit of each contact's link, in order."""
    return [Tap(start_ms + number * gap_ms, number, f"c-{number}", agent) for number in range(contacts)]


def reasons(visits, sending):
    found = reasons_of(visits, sending, scans_in(visits, sending))
    return [found.get(index, set()) for index in range(len(visits))]


def test_a_network_that_walks_through_the_links_of_forty_contacts_is_a_scanner():
    assert reasons(taps(40), Sending()) == [{MANY_CONTACTS}] * 40


def test_a_walk_is_found_also_where_it_takes_half_a_minute_for_each_link():
    assert reasons(taps(40, gap_ms=30_000), Sending()) == [{MANY_CONTACTS}] * 40


def test_forty_contacts_alone_are_not_enough():
    chance = random.Random(1)
    visits = taps(40, agent="Safari")
    chance.shuffle(visits)
    times = sorted(chance.uniform(0, 40_000) for _ in visits)
    visits = [
        Tap(SENT_MS + int(at_ms), tap.link_id, tap.contact_id, tap.agent)
        for at_ms, tap in zip(times, visits, strict=True)
    ]

    assert reasons(visits, Sending()) == [set()] * 40


def test_as_many_contacts_as_a_carrier_has_for_every_broadcast_are_people_in_whatever_order_they_come():
    busy = Sending(people_a_minute=1_000, share=0.05)

    assert reasons(taps(40), busy) == [set()] * 40


def test_people_beside_a_scanner_stay_people():
    people = [Tap(SENT_MS + 61_500, 900, "p-1", "Safari"), Tap(SENT_MS + 70_500, 901, "p-2", "Chrome")]

    assert reasons([*taps(40), *people], Sending()) == [*[{MANY_CONTACTS}] * 40, set(), set()]


def test_visits_of_the_same_agent_shortly_before_and_after_belong_to_the_scan_and_later_ones_do_not():
    straggler, latecomer = SENT_MS + 60_000 + 39_000 + 899_000, SENT_MS + 60_000 + 39_000 + 901_000
    others = [Tap(straggler, 5_000, "p-1", "Scanner"), Tap(latecomer, 5_001, "p-2", "Scanner")]

    assert reasons([*taps(40), *others], Sending())[40:] == [{MANY_CONTACTS}, set()]


def test_a_rented_network_needs_one_sign_less():
    chance = random.Random(2)
    visits = [
        Tap(SENT_MS + int(chance.uniform(0, 50_000)), chance.randrange(10**6), f"c-{number}", "Chrome", True)
        for number in range(9)
    ]
    # One agent for nine contacts is one sign, the network the other.
    assert reasons(visits, Sending()) == [{MANY_CONTACTS}] * 9


def test_a_visit_within_a_second_of_the_send_is_a_machines():
    visits = [Tap(SENT_MS + after, after, f"c-{after}", "Safari") for after in (-1, 0, 1_000, 1_001)]

    assert reasons(visits, Sending(SENT_MS)) == [set(), {TOO_SOON}, {TOO_SOON}, set()]
    assert reasons(visits, Sending()) == [set()] * 4


@pytest.mark.parametrize(("visits", "before", "trusted"), [(1_000, 10, SENT_MS), (1_000, 11, 0), (0, 0, SENT_MS)])
def test_a_time_of_the_send_that_many_visits_lie_before_is_not_believed(visits, before, trusted):
    assert trusted_send(SENT_MS, visits, before) == trusted


def test_all_links_of_a_message_within_two_seconds_are_a_machines_and_slower_ones_are_not():
    def both(apart_ms, agents=("Safari", "Safari")):
        return [Tap(SENT_MS, 1, "c-1", agents[0]), Tap(SENT_MS + apart_ms, 2, "c-1", agents[1])]

    assert reasons(both(2_000), TWO_LINKS) == [{ALL_AT_ONCE}] * 2
    assert reasons(both(2_001), TWO_LINKS) == [set()] * 2
    assert reasons(both(500), Sending(links_a_message=3)) == [set()] * 2
    assert reasons(both(500, ("Safari", "Chrome")), TWO_LINKS) == [set()] * 2
    assert reasons([Tap(SENT_MS, 1, "c-1", "Safari")] * 3, TWO_LINKS) == [set()] * 3, "one link, thrice"


def test_thousands_of_visits_of_two_links_in_a_second_cost_what_they_are():
    visits = [Tap(SENT_MS, number % 2, "c-1", "Safari") for number in range(50_000)]

    assert len(reasons_of(visits, TWO_LINKS, {})) == 50_000


@pytest.mark.parametrize("with_history", [True, False])
def test_scanners_are_found_and_people_are_not_taken_for_them(with_history):
    total = Outcome()
    for seed in range(100, 104):
        total += outcome(by_neighbours, seed, 20_000, 64, with_history=with_history)

    assert total.found >= 0.99 * total.scanner_visits
    assert total.misjudged <= 0.001 * total.human_visits


def test_poisson_quantiles_are_the_least_numbers_that_chance_hardly_exceeds():
    assert [poisson_quantile(mean) for mean in (0, 0.5, 1, 5, 20, 100)] == [0, 5, 6, 15, 39, 139]


def test_rank_correlation_is_spearmans():
    assert rank_correlation([10, 20, 30, 40]) == 1
    assert rank_correlation([40, 30, 20, 10]) == -1
    assert rank_correlation([10, 30, 20, 40]) == pytest.approx(0.8)
