import pytest

from control.http.auth import Keys, addressed, within
from control.http.problems import Problem
from tests.support.control import ACME, SEATTLE


def test_a_key_opens_its_own_account_and_all_below_it():
    assert within("acme", "acme")
    assert within("acme/seattle/pier", "acme")
    assert not within("acmeco", "acme")
    assert not within("acme", "acme/seattle")


def test_a_call_addresses_the_keys_account_unless_it_says_otherwise():
    assert addressed("acme", None) == "acme"
    assert addressed("acme", "acme/seattle") == "acme/seattle"
    assert addressed("acme", None, "acme/seattle") == "acme/seattle"


@pytest.mark.parametrize(
    ("in_query", "in_body", "status"),
    [("main", None, 404), (None, "acmeco", 404), ("acme/a", "acme/b", 422), ("ACME/ a", None, 422)],
)
def test_an_account_outside_the_keys_own_does_not_exist(in_query, in_body, status):
    with pytest.raises(Problem) as raised:
        addressed("acme", in_query, in_body)

    assert raised.value.status == status
    assert raised.value.field == "account"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic key-of-acme", "key-of-acme"])
def test_only_a_bearer_key_opens(header):
    keys = Keys({"key-of-acme": "acme", "key-of-main": "main"})

    assert keys.account_of("bearer key-of-acme") == "acme"
    with pytest.raises(Problem) as raised:
        keys.account_of(header)
    assert raised.value.status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/v1/ledger", None), ("GET", "/v1/audit", None), ("POST", "/v1/lanes/0/close", {"not_arrived": 0})],
)
async def test_what_concerns_the_whole_installation_is_for_top_level_accounts(control, method, path, body):
    assert control.call(method, path, body, key=SEATTLE).status == 404
    assert control.call(method, path, body, key=ACME).status in (200, 409)
