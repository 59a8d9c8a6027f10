import pytest

from control.access.caller import Caller
from control.access.given_keys import ApiKeys, OperatorKeys
from control.access.key_ring import KeyRing
from control.access.scopes import ALL_SCOPES, NEEDS, OPERATOR
from control.http.auth import caller_of
from control.http.operations import OPERATIONS
from control.http.problems import Problem

READER = Caller("acme", ("report",))


def ring(api_keys="acme:key-of-acme-0123,main:key-of-main-0123", operators="ann:operator-0123456789"):
    keys = KeyRing(ApiKeys.parse(api_keys), OperatorKeys.parse(operators))
    keys.is_complete = True
    return keys


def test_a_call_is_about_the_keys_account_unless_it_says_otherwise():
    caller = Caller("acme")

    assert caller.account(None) == "acme"
    assert caller.account("acme/seattle") == "acme/seattle"
    assert caller.account(None, "acme/seattle") == "acme/seattle"


@pytest.mark.parametrize(
    ("in_query", "in_body", "status"),
    [("main", None, 404), (None, "acmeco", 404), ("acme/a", "acme/b", 422), ("ACME/ a", None, 422), ("*", None, 422)],
)
def test_an_account_outside_the_keys_own_does_not_exist(in_query, in_body, status):
    with pytest.raises(Problem) as raised:
        Caller("acme").account(in_query, in_body)

    assert raised.value.status == status
    assert raised.value.field == "account"


def test_a_key_of_every_account_means_main_where_it_names_none():
    caller = ring("*:key-of-all-0123456").caller_of("key-of-all-0123456")

    assert caller.account(None) == "main"
    assert caller.account("acme/seattle") == "acme/seattle"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic key-of-acme-0123", "key-of-acme-0123"])
def test_only_a_bearer_key_opens(header):
    assert caller_of(ring(), "bearer key-of-acme-0123", "mint").root == "acme"
    with pytest.raises(Problem) as raised:
        caller_of(ring(), header, "mint")
    assert (raised.value.status, raised.value.body.scope) == (401, "mint")


def test_a_key_of_the_environment_has_every_scope_and_is_no_operator():
    caller = ring().caller_of("key-of-acme-0123")

    assert caller.scopes == ALL_SCOPES
    assert not caller.is_operator
    assert caller.key_id.startswith("env-")
    assert "key-of-acme" not in caller.key_id


def test_a_key_of_operators_alone_has_no_account():
    caller = ring().caller_of("operator-0123456789")

    caller.check(OPERATOR)
    assert caller.key_id == "ann"
    for scope in ALL_SCOPES:
        with pytest.raises(Problem) as raised:
            caller.check(scope)
        assert raised.value.status == 403


def test_a_key_in_both_lists_may_do_both():
    caller = ring("acme:one-key-0123456789", "one-key-0123456789").caller_of("one-key-0123456789")

    caller.check(OPERATOR)
    caller.check("admin")
    assert caller.account(None) == "acme"


@pytest.mark.parametrize("need", ["mint", "manage", "admin", OPERATOR])
def test_a_call_that_needs_more_is_refused_by_the_name_of_the_scope(need):
    READER.check("report")
    with pytest.raises(Problem) as raised:
        READER.check(need)

    assert (raised.value.status, raised.value.body.scope) == (403, need)
    assert need in raised.value.detail or "TAPTRAIL_OPERATOR_KEYS" in raised.value.detail
    assert f'scope="{need}"' in raised.value.headers["WWW-Authenticate"]


def test_the_table_of_scopes_has_every_operation_and_no_other():
    assert set(NEEDS) == {operation.name for operation in OPERATIONS}


def test_every_get_of_an_account_needs_the_scope_report():
    reading = {operation.name for operation in OPERATIONS if operation.method == "GET"}

    assert {NEEDS[name] for name in reading} == {"report", OPERATOR}


@pytest.mark.parametrize(
    "text", ["short", "ann:short", ",operator-0123456789", "a:operator-0123456789,operator-0123456789"]
)
def test_operator_keys_that_are_too_short_or_twice_are_refused(text):
    with pytest.raises(ValueError, match="operator key"):
        OperatorKeys.parse(text)


def test_keys_are_known_only_when_the_table_was_read():
    keys = ring()
    keys.is_complete = False

    assert caller_of(keys, "Bearer key-of-acme-0123", "mint").root == "acme"
    with pytest.raises(Problem) as raised:
        caller_of(keys, "Bearer a-key-of-the-table", "mint")
    assert raised.value.status == 503
