"""How far an erasure is, and what stands in place of a contact."""

import pytest

from records.erasure import contact_hash, erasure_id, erasure_number, erasure_numbered, is_token, state_of


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], "queued"),
        (["begun"], "running"),
        (["begun", "linked", "forgotten", "cleared"], "running"),
        (["begun", "linked", "forgotten", "cleared", "done"], "done"),
    ],
)
def test_the_state_follows_from_the_steps_that_are_done(steps, state):
    assert state_of(steps) == state


def test_a_later_erasure_has_a_higher_number_whatever_is_drawn():
    assert erasure_number(1_790_000_000_001, 0) > erasure_number(1_790_000_000_000, 2**32 - 1)
    assert erasure_number(2**43, 2**32 - 1) < 2**64


@pytest.mark.parametrize("text", ["", "1", "g" * 16, "A" * 16, "0" * 17, "１" * 16])
def test_a_text_that_no_erasure_has_is_none(text):
    assert erasure_numbered(text) is None


def test_an_id_reads_back_as_its_number():
    number = erasure_number(1_790_000_000_000, 7)

    assert erasure_numbered(erasure_id(number)) == number


@pytest.mark.parametrize(
    ("contact_id", "stands"),
    [
        ("erased-" + "0f" * 16, True), ("canary:erased-" + "0f" * 16, True), ("canary:" + "0f" * 16, False),
        ("erased-" + "0F" * 16, False), ("0f" * 16, False), ("erased-", False),
        ("c-1", False), ("", False),
    ],
)  # fmt: skip
def test_only_a_token_stands_for_an_erased_contact(contact_id, stands):
    assert is_token(contact_id) is stands


def test_a_contact_hash_needs_the_key_and_the_account():
    key, other = bytes(16), bytes(15) + b"\1"

    hashes = {contact_hash(key, "main", "c-1"), contact_hash(other, "main", "c-1"), contact_hash(key, "acme", "c-1")}

    assert len(hashes) == 3
    assert not any("c-1" in each for each in hashes)
