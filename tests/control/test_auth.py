import pytest

from control.http.auth import Caller, Keys
from control.http.problems import Problem
from tests.support.control import ACME, SEATTLE


def test_a_call_is_about_the_keys_account_unless_it_says_otherwise():
    caller = Caller("acme")

    assert caller.account(None) == "acme"
    assert caller.account("acme/seattle") == "acme/seattle"
    assert caller.account(None, "acme/seattle") == "acme/seattle"


@pytest.mark.parametrize(
    ("in_query", "in_body", "status"),
    [("main", None, 404), (None, "acmeco", 404), ("acme/a", "acme/b", 422), ("ACME/ a", None, 422)],
)
def test_an_account_outside_the_keys_own_does_not_exist(in_query, in_body, status):
    with pytest.raises(Problem) as raised:
        Caller("acme").account(in_query, in_body)

    assert raised.value.status == status
    assert raised.value.field == "account"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic key-of-acme", "key-of-acme"])
def test_only_a_bearer_key_opens(header):
    keys = Keys({"key-of-acme": "acme", "key-of-main": "main"})

    assert keys.caller_of("bearer key-of-acme") == Caller("acme")
    with pytest.raises(Problem) as raised:
        keys.caller_of(header)
    assert raised.value.status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/v1/ledger", None), ("GET", "/v1/audit", None), ("POST", "/v1/lanes/0/close", {"not_arrived": 0})],
)
async def test_what_concerns_the_whole_installation_is_for_top_level_accounts(control, method, path, body):
    assert control.call(method, path, body, key=SEATTLE).status == 404
    assert control.call(method, path, body, key=ACME).status in (200, 409)
