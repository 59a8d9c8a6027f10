"""What a process knows of keys, whatever order it hears of them in."""

import msgspec

from control.access.api_key import ApiKey, Revoked, made_key
from control.access.caller import Author
from control.access.given_keys import ApiKeys, OperatorKeys
from control.access.key_ring import KeyRing

NOW = 1_790_000_000_000
ROW, KEY = made_key("acme/seattle", "crm", ("mint", "report"), NOW)
BY = Author("acme", "env-0123")
REVOKED = msgspec.structs.replace(ROW, revoked_at_ms=NOW + 5, version=NOW + 5)


def ring(*rows):
    known = KeyRing(ApiKeys(), OperatorKeys())
    for row in rows:
        known.learn(row)
    return known


def test_a_key_of_the_table_is_known_by_its_digest_alone():
    caller = ring(ROW).caller_of(KEY)

    assert (caller.root, caller.scopes, caller.key_id) == ("acme/seattle", ("report", "mint"), ROW.key_id)
    assert KEY not in str(ROW)
    assert ring(ROW).caller_of(ROW.digest) is None


def test_a_key_has_256_random_bits():
    keys = {made_key("acme", "", (), NOW)[1] for _ in range(100)}

    assert len(keys) == 100
    assert all(len(key) == len("tt_") + 43 for key in keys)


def test_a_revoked_key_is_void_immediately():
    known = ring(ROW)

    known.revoke(ROW.key_id, NOW + 5, BY)

    assert known.caller_of(KEY) is None
    assert known.unrecorded == [Revoked(ROW, REVOKED, BY)]


def test_a_row_that_was_read_before_the_revocation_does_not_bring_the_key_back():
    known = ring(ROW)
    known.revoke(ROW.key_id, NOW + 5, BY)
    known.recorded(ROW.key_id)

    known.learn(ROW)

    assert known.caller_of(KEY) is None
    assert known.unrecorded == []


def test_a_revocation_that_another_process_recorded_is_recorded():
    known = ring(ROW)
    known.revoke(ROW.key_id, NOW + 5, BY)

    known.learn(REVOKED)

    assert known.unrecorded == []
    assert known.caller_of(KEY) is None


def test_news_of_a_key_that_is_not_known_here_changes_nothing():
    known = ring()

    known.revoke("0123", NOW, BY)

    assert known.unrecorded == []


def test_the_keys_of_an_account_are_those_below_it_too_oldest_first():
    rows = [
        ApiKey(key_id, account, "", (), key_id, created_at_ms)
        for key_id, account, created_at_ms in [
            ("d", "acme", 3), ("b", "acme/seattle", 1), ("c", "acme/seattle", 1), ("a", "acmeco", 0), ("e", "main", 0),
        ]
    ]  # fmt: skip

    assert [key.key_id for key in ring(*rows).within("acme")] == ["b", "c", "d"]
