"""The history of a broadcast, and the way back in it."""

import pytest

from records.broadcast import decode_broadcast
from records.keys import broadcast_key
from tests.support.control import ACME, SHOP, contacts

SPRING = "/v1/broadcasts/spring"
A, B = "https://shop.acme.example/a", "https://shop.acme.example/b"


@pytest.fixture
def changed(control):
    """Version 1 has SHOP and A; 2 has B in place of A, 3 is stopped, 4 has another source."""
    control.broadcast(destinations=(SHOP, A))
    control.mint(contacts(1))
    control.call("PATCH", f"{SPRING}/destinations/1", {"to": B})
    control.call("PATCH", SPRING, {"stopped": True})
    control.call("PATCH", SPRING, {"source": "rcs"})
    return control


def state(control):
    broadcast = control.call("GET", SPRING).body
    return broadcast["destinations"][1], broadcast["stopped"], broadcast["source"]


def entries(control, query=""):
    return control.call("GET", f"{SPRING}/history{query}").body["items"]


async def test_the_history_says_who_changed_what_and_when(changed):
    items = entries(changed)

    assert [(entry["version"], entry["what"], entry["who"]["account"]) for entry in items] == [
        (1, "created", "main"), (2, "changed", "main"), (3, "changed", "main"), (4, "changed", "main"),
    ]  # fmt: skip
    assert items[0]["before"] is None
    assert items[1]["before"] == {"destinations": [SHOP, A]}
    assert items[1]["after"] == {"destinations": [SHOP, B]}
    assert items[0]["when"] < items[1]["when"] < items[3]["when"]
    assert {entry["who"]["key"] for entry in items} != {""}


async def test_a_long_history_comes_in_pages(changed):
    first = changed.call("GET", f"{SPRING}/history?limit=3").body

    rest = changed.call("GET", f"{SPRING}/history?cursor={first['next_cursor']}").body

    assert [entry["version"] for entry in first["items"] + rest["items"]] == [1, 2, 3, 4]
    assert rest["next_cursor"] is None


async def test_one_destination_of_several_is_changed_and_reaches_the_edges(changed, redis):
    broadcast = decode_broadcast(await redis.get(broadcast_key(0)))

    assert (broadcast.destinations, broadcast.destination_versions) == ((SHOP, B), (1, 2))


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("destinations/2", {"to": B}, 404, "there is no destination 2; broadcast spring has 2, numbered from 0"),
        ("destinations/x", {"to": B}, 422, 'index is "x"; expected the number of a destination, from 0'),
        ("destinations/0", {"to": "ftp://a.example/"}, 422, "destinations[0]"),
        ("destinations/0", {}, 422, "to"),
    ],
)
async def test_a_destination_that_cannot_be_changed_is_named(changed, path, body, status, said):
    answer = changed.call("PATCH", f"{SPRING}/{path}", body)

    assert (answer.status, said in answer.body["detail"]) == (status, True), answer.body
    assert len(entries(changed)) == 4


async def test_a_rollback_takes_the_last_change_back_and_is_a_change_itself(changed):
    rolled_back = changed.call("POST", f"{SPRING}/rollback")

    assert (rolled_back.status, state(changed)) == (200, (B, True, "sms"))
    last = entries(changed)[-1]
    assert (last["version"], last["what"], last["after"]) == (5, "rolled back to 3", {"source": "sms"})


async def test_a_rollback_to_a_version_takes_back_all_that_came_after_it_and_keeps_what_minting_set(changed):
    sent_at = changed.call("GET", SPRING).body["sent_at"]

    assert changed.call("POST", f"{SPRING}/rollback", {"version": 1}).status == 200

    assert state(changed) == (A, False, "sms")
    assert changed.call("GET", SPRING).body["sent_at"] == sent_at
    assert changed.call("POST", f"{SPRING}/rollback").status == 200
    assert state(changed) == (B, True, "rcs"), "a rollback can be rolled back"


@pytest.mark.parametrize("version", [0, 4, 5, -1])
async def test_a_version_that_is_no_earlier_one_is_named(changed, version):
    answer = changed.call("POST", f"{SPRING}/rollback", {"version": version})

    assert answer.status == 422
    assert f"version is {version}; the last one is 4, so expected one from 1 to 3" in answer.body["detail"]


async def test_what_was_never_changed_has_nothing_to_roll_back(control):
    control.broadcast()

    assert control.call("POST", f"{SPRING}/rollback").status == 409


async def test_a_history_is_its_accounts_alone(changed):
    for method, path in (("GET", "history"), ("POST", "rollback"), ("PATCH", "destinations/0")):
        body = {"to": B} if method == "PATCH" else None
        assert changed.call(method, f"{SPRING}/{path}", body, ACME).status == 404
