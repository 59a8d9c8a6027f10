"""Every operation of the OpenAPI document, tried with keys of other accounts, of each scope, and with none.

OWNER has the things that the calls are about. A new operation needs a row in ROWS; without one the first test fails.
"""

import json
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from control.access.scopes import ALL_SCOPES, NEEDS, OPERATOR
from control.http.openapi import openapi
from records.keys import LANES
from records.lane_registry import LaneReport
from tests.support.api_calls import LANE
from tests.support.control import ACME, MAIN, SHOP, contacts
from tests.support.control import OPERATOR as OPERATOR_KEY

OPERATIONS = {
    described["operationId"]: (method.upper(), described)
    for path in openapi()["paths"].values()
    for method, described in path.items()
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, and what it answers by whose key. Without ?account= a key means its own account."""

    path: str
    body: Any = None
    own: int  # a key of OWNER, or of the account above that names OWNER
    stranger: int = 404  # a key of a sibling, a child, or of another top-level account
    above: int = 404  # a key of the account above that does not name OWNER
    below: int = 404  # a key of an account below OWNER: it may send under OWNER's domain, and sees nothing of OWNER's


DOMAIN, BROADCAST = "/v1/domains/{domain}", "/v1/broadcasts/spring"
# {domain}, {key_id}, {share_id}, {erasure_id}: of OWNER.
# A call that creates something in the key's own account does so: 201.
ROWS = {
    "put_domain": Row(path=DOMAIN, body={}, own=200, stranger=409, above=200, below=409),
    "patch_domain": Row(path=DOMAIN, body={"display_name": "Mine"}, own=200, above=200),
    "get_domain": Row(path=DOMAIN, own=200, above=200),
    "check_domain": Row(path=f"{DOMAIN}/check", body={}, own=200, above=200),
    "delete_domain": Row(path=DOMAIN, own=409, above=409),
    "put_broadcast": Row(
        path="/v1/broadcasts/new", body={"short_domain": "{domain}", "destinations": [SHOP]},
        own=201, stranger=422, above=422, below=201,
    ),
    "patch_broadcast": Row(path=BROADCAST, body={"stopped": True}, own=200),
    "get_broadcast": Row(path=BROADCAST, own=200),
    "patch_destination": Row(path=f"{BROADCAST}/destinations/0", body={"to": SHOP + "&2"}, own=200),
    "history": Row(path=f"{BROADCAST}/history", own=200),
    "roll_back": Row(path=f"{BROADCAST}/rollback", body={}, own=200),
    "mint": Row(path=f"{BROADCAST}/links", body={"contact_id": "c-1"}, own=200),
    "messages": Row(path=f"{BROADCAST}/messages", body={"contact_id": "c-1"}, own=422),
    "compose": Row(
        path="/v1/compose", body={"short_domain": "{domain}", "text": f"Hi: {SHOP}"},
        own=200, stranger=422, above=422, below=200,
    ),
    "create_canaries": Row(path=f"{BROADCAST}/canaries", body={"count": 1}, own=201),
    "verify": Row(path=f"{BROADCAST}/verify", body={"fetch": False, "sample": 1}, own=200),
    "report": Row(path=f"{BROADCAST}/report", own=200),
    "list_contacts": Row(path=f"{BROADCAST}/contacts", own=200),
    "create_share": Row(path=f"{BROADCAST}/shares", body={}, own=201),
    "list_shares": Row(path=f"{BROADCAST}/shares", own=200),
    "revoke_share": Row(path="/v1/shares/{share_id}", own=204, above=204),
    "compare": Row(path="/v1/report?broadcasts=spring", own=200),
    "account_report": Row(path="/v1/accounts/{owner}/report", own=200, above=200),
    "delete_broadcast": Row(path=BROADCAST, own=409),
    "list_domains": Row(path="/v1/domains", own=200, stranger=200, above=200, below=200),
    "list_broadcasts": Row(path="/v1/broadcasts", own=200, stranger=200, above=200, below=200),
    "list_links": Row(path=f"{BROADCAST}/links", own=200),
    "list_clicks": Row(path=f"{BROADCAST}/clicks", own=200),
    "list_shared_links": Row(path="/v1/links", own=200, stranger=200, above=200, below=200),
    "get_contact": Row(path="/v1/contacts/c-1", own=200, above=200),
    "create_link": Row(
        path="/v1/links", body={"short_domain": "{domain}", "destination": "https://shop.acme.example/"},
        own=201, stranger=422, above=422, below=201,
    ),
    "patch_link": Row(path="/v1/links/{domain}/SALE", body={"keyword": "MINE"}, own=200, above=200),
    "delete_link": Row(path="/v1/links/{domain}/SALE", own=204, above=204),
    "get_link": Row(path="/v1/links/{domain}/SALE", own=200, above=200),
    "qr_svg": Row(path="/v1/links/{domain}/SALE/qr.svg", own=200, above=200),
    "qr_png": Row(path="/v1/links/{domain}/SALE/qr.png", own=200, above=200),
    "create_key": Row(path="/v1/keys", body={"scopes": ["admin"]}, own=201, stranger=201, above=201, below=201),
    "list_keys": Row(path="/v1/keys", own=200, stranger=200, above=200, below=200),
    "revoke_key": Row(path="/v1/keys/{key_id}", own=204, above=204),
    "erase": Row(path="/v1/erasures", body={"contact_id": "c-0"}, own=202, stranger=202, above=202, below=202),
    "get_erasure": Row(path="/v1/erasures/{erasure_id}", own=200, above=200),
    "ledger": Row(path="/v1/ledger", own=403, stranger=403, above=403, below=403),
    "close_lane": Row(
        path=f"/v1/lanes/{LANE}/close", body={"not_arrived": 3}, own=403, stranger=403, above=403, below=403
    ),
    "audit": Row(path="/v1/audit", own=403, stranger=403, above=403, below=403),
}  # fmt: skip


def test_every_operation_has_a_row_and_says_what_it_needs():
    assert set(ROWS) == set(OPERATIONS)
    for name, (_, described) in OPERATIONS.items():
        assert described["security"] == [{"key": [NEEDS[name]]}]
        assert NEEDS[name] in described["description"]


class World:
    """What OWNER has, and the keys that try it."""

    def __init__(self, control):
        self.control = control
        name = uuid4().hex[:8]
        self.owner, self.domain = f"acme/{name}", f"{name}.acme.example"
        self.full = self.key(self.owner, ALL_SCOPES)
        self.sibling = self.key(f"acme/{name}x", ALL_SCOPES)
        self.child = self.key(f"{self.owner}/shop", ALL_SCOPES)
        self.other = control.call("POST", "/v1/keys", {"scopes": [*ALL_SCOPES]}, MAIN).body["key"]
        for method, path, body in [
            ("PUT", f"/v1/domains/{self.domain}", {}),
            ("PUT", BROADCAST, {"short_domain": self.domain, "destinations": [SHOP]}),
            ("POST", "/v1/links", {"short_domain": self.domain, "destination": SHOP[:-14], "slug": "SALE"}),
        ]:
            assert control.call(method, path, body, self.full).status == 201
        assert control.mint(contacts(2), key=self.full).status == 200
        self.erasure_id = control.call("POST", "/v1/erasures", {"contact_id": "c-9"}, self.full).body["erasure_id"]

    def made(self, account, scopes):
        answer = self.control.call("POST", "/v1/keys", {"account": account, "scopes": [*scopes]}, ACME)
        assert answer.status == 201, answer.body
        return answer.body

    def shared(self):
        answer = self.control.call("POST", f"{BROADCAST}/shares", {}, self.full)
        assert answer.status == 201, answer.body
        return answer.body["share_id"]

    def key(self, account, scopes):
        return self.made(account, scopes)["key"]

    def try_it(self, operation, key, account=None):
        """The answer to an operation on what OWNER has. account: that the query names."""
        row, (method, _) = ROWS[operation], OPERATIONS[operation]
        key_id = self.made(self.owner, ["report"])["key_id"] if "{key_id}" in row.path else ""
        share_id = self.shared() if "{share_id}" in row.path else ""
        path = row.path.format(
            domain=self.domain, key_id=key_id, share_id=share_id, owner=self.owner, erasure_id=self.erasure_id
        )
        if account and "{owner}" not in row.path:
            path += f"{'&' if '?' in path else '?'}account={account}"
        body = None if row.body is None else json.loads(json.dumps(row.body).replace("{domain}", self.domain))
        return self.control.call(method, path, body, key)

    def seen(self):
        """All that OWNER sees of its own."""
        paths = [f"/v1/domains/{self.domain}", BROADCAST, f"{BROADCAST}/report", f"/v1/links/{self.domain}/SALE"]
        return [self.control.call("GET", path, key=self.full).body for path in paths]


@pytest.fixture
async def world(control, redis):
    await redis.hset(LANES, LANE, msgspec.json.encode(LaneReport("edge-1", 3, 3, 3, 1_790_000_000_000)))
    return World(control)


def of_an_account(operation):
    return NEEDS[operation] != OPERATOR


async def test_keys_of_other_accounts_reach_nothing_and_change_nothing(world):
    before = world.seen()

    for operation, row in ROWS.items():
        by_whom = [(world.sibling, row.stranger), (world.other, row.stranger), (world.child, row.below)]
        for key, expected in by_whom:
            answer = world.try_it(operation, key)
            assert (operation, answer.status) == (operation, expected), answer.body
            said = str(answer.body).replace(f"{world.owner}x", "").replace(f"{world.owner}/shop", "")
            said = said.replace(f"there is no account {world.owner} for this key", "")  # the key named it
            assert world.owner not in said, operation
            if of_an_account(operation):
                assert (operation, world.try_it(operation, key, world.owner).status) == (operation, 404)

    assert world.seen() == before
    assert world.control.call("GET", f"/v1/keys?account={world.owner}", key=world.sibling).status == 404


async def test_the_list_of_an_account_has_nothing_of_others(world):
    listed = {item["account"] for item in world.control.call("GET", "/v1/keys", key=world.full).body["items"]}

    assert listed == {world.owner, f"{world.owner}/shop"}
    assert world.control.call("GET", "/v1/keys", key=world.child).body["items"][0]["account"] == f"{world.owner}/shop"


async def test_a_key_of_the_account_above_reaches_what_it_names(world):
    for operation, row in ROWS.items():
        unnamed = world.try_it(operation, ACME)
        assert (operation, unnamed.status) == (operation, row.above), unnamed.body
        if of_an_account(operation):
            named = world.try_it(operation, ACME, world.owner)
            assert (operation, named.status) == (operation, row.own), named.body


@pytest.mark.parametrize("scope", ALL_SCOPES)
async def test_a_key_of_one_scope_makes_the_calls_that_need_it_and_no_other(world, scope):
    key = world.key(world.owner, [scope])

    for operation, row in ROWS.items():
        answer = world.try_it(operation, key)
        if NEEDS[operation] == scope:
            assert (operation, answer.status) == (operation, row.own), answer.body
        else:
            assert (operation, answer.status, answer.body["scope"]) == (operation, 403, NEEDS[operation])


async def test_without_a_key_nothing_is_answered(world):
    for operation in ROWS:
        for key in ("", "tt_a-key-that-nobody-made", world.full[:-1], world.full + "x"):
            answer = world.try_it(operation, key)

            assert (operation, answer.status, answer.body["scope"]) == (operation, 401, NEEDS[operation])


async def test_a_key_of_operators_makes_the_calls_about_the_installation_and_no_other(world):
    for operation in ROWS:
        answer = world.try_it(operation, OPERATOR_KEY)
        if of_an_account(operation):
            assert (operation, answer.status, answer.body["scope"]) == (operation, 403, NEEDS[operation])
        else:
            assert (operation, answer.status) == (operation, 200), answer.body
