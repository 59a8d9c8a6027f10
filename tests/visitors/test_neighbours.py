from visitors.classify import Verdict, VisitClass
from visitors.neighbours import NEIGHBOUR_REASONS, with_neighbours

PERSON = Verdict(VisitClass.HUMAN, ("agent-browser",))


def test_a_row_without_a_reason_of_neighbours_has_the_verdict_of_its_evidence():
    assert with_neighbours(PERSON, ("agent-tool", "network-hosting")) == PERSON


def test_what_neighbours_gave_wins_and_stands_first():
    given = ("agent-tool", "all-links-at-once", "many-contacts-one-network")

    assert with_neighbours(PERSON, given) == Verdict(
        VisitClass.SCANNER, ("many-contacts-one-network", "all-links-at-once", "agent-browser")
    )


def test_its_own_answer_changes_nothing():
    for reason in NEIGHBOUR_REASONS:
        once = with_neighbours(PERSON, [reason])

        assert with_neighbours(PERSON, once.reasons) == once
