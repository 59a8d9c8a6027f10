import pytest

from loadtest.risen import Pair, Shares, risen

BARE = Shares(slow=0.01, wrong=0.0)
LAST = Pair(edge=Shares(slow=0.02, wrong=0.0), bare=BARE)


def pair(slow: float = 0.02, wrong: float = 0.0, not_recorded: float = 0.0, bare: Shares = BARE) -> Pair:
    return Pair(Shares(slow, wrong, not_recorded), bare)


def test_a_run_like_the_last_releases_is_no_worse():
    assert risen(pair(), LAST) == []


def test_more_slow_taps_are_found_beside_the_bare_server_of_the_same_run():
    assert risen(pair(slow=0.06), LAST) == [
        "taps over 50 ms: 6.00%, 5.5 times a bare server's; 1.9 at the last release"
    ]


def test_a_slow_machine_excuses_what_is_slow_on_the_bare_server_as_well():
    assert risen(pair(slow=0.3, bare=Shares(slow=0.15, wrong=0.0)), LAST) == []


def test_a_share_of_slow_taps_that_is_next_to_nothing_is_no_rise():
    fast = Pair(Shares(slow=0.0, wrong=0.0), Shares(slow=0.0, wrong=0.0))

    assert risen(Pair(Shares(slow=0.0005, wrong=0.0), fast.bare), fast) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (pair(wrong=0.001), "wrong answers: 0.100%; 0.000% at the last release"),
        (pair(not_recorded=0.001), "not recorded: 0.100%; 0.000% at the last release"),
    ],
)
def test_one_wrong_answer_or_one_lost_click_more_is_a_rise(now, said):
    assert risen(now, LAST) == [said]


def test_answers_that_are_as_wrong_on_the_bare_server_are_the_machines():
    assert risen(pair(wrong=0.001, bare=Shares(slow=0.01, wrong=0.001)), LAST) == []
