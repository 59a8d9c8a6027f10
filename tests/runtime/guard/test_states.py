"""The states of a connection, as a table."""

from math import inf

from runtime.guard.states import (
    ANSWERING,
    BROKEN,
    CLOSED,
    CLOSING,
    IDLE,
    NEW,
    OWED,
    READING,
    STALLED,
    TAKES_REQUESTS,
    TRANSITIONS,
    UNREAD,
)  # fmt: skip

STATES = {NEW, IDLE, READING, ANSWERING, STALLED, UNREAD, BROKEN, CLOSING, CLOSED}


def test_every_state_is_in_the_table_and_can_be_reached():
    reached, found = {NEW}, {NEW}
    while found:
        found = {after for state in found for after in TRANSITIONS[state].values()} - reached
        reached |= found

    assert set(TRANSITIONS) == reached == STATES


def test_a_client_is_waited_for_in_no_state_without_limit():
    assert {state for state in STATES if state.longest_s == inf} == {ANSWERING, CLOSED}


def test_a_connection_can_be_lost_in_any_state_and_is_then_over():
    assert all(CLOSED in after.values() for state, after in TRANSITIONS.items() if state is not CLOSED)
    assert TRANSITIONS[CLOSED] == {}


def test_a_request_is_taken_only_where_no_answer_is_owed():
    assert not OWED & TAKES_REQUESTS
    assert {state for state, after in TRANSITIONS.items() if ANSWERING in after.values()} - {STALLED} == TAKES_REQUESTS
