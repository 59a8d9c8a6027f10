import msgspec
import pytest

from records.broadcast import decode_broadcast
from records.keys import broadcast_key
from tests.support.control import ACME, DOMAIN, SEATTLE, SHOP, contacts

OTHER = "https://shop.acme.example/other"


async def cached(redis, number=0):
    return decode_broadcast(await redis.get(broadcast_key(number)))


async def test_a_broadcast_is_created_replaced_and_read(control, redis):
    created = control.broadcast(source="rcs", keyword="SPRING", expires_at="2030-01-01T00:00:00Z", status=307)

    assert created["destinations"] == [SHOP]
    assert created["expires_at"] == "2030-01-01T00:00:00Z"
    record = await cached(redis)
    assert (record.source, record.keyword, record.status, record.expires_at_ms) == ("rcs", "SPRING", 307, 1893456000000)
    replaced = control.broadcast(destinations=(OTHER,))
    assert (replaced["destinations"], replaced["keyword"], replaced["expires_at"]) == ([OTHER], "", None)
    assert control.call("GET", "/v1/broadcasts/spring").body == replaced


async def test_fixing_a_destination_is_one_write(control, redis):
    control.broadcast(keyword="SPRING")

    patched = control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [OTHER]})

    assert (patched.status, patched.body["destinations"], patched.body["keyword"]) == (200, [OTHER], "SPRING")
    assert (await cached(redis)).destinations == (OTHER,)


async def test_a_broadcast_is_stopped_resumed_and_extended(control, redis):
    control.broadcast(expires_at="2030-01-01T00:00:00Z")

    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})
    assert (await cached(redis)).stopped
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": False, "expires_at": None})
    record = await cached(redis)
    assert (record.stopped, record.expires_at_ms) == (False, 0)


async def test_every_write_has_a_higher_version(control, redis):
    control.broadcast()
    first = (await cached(redis)).version

    for _ in range(3):
        control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert (await cached(redis)).version >= first + 3


async def test_broadcast_numbers_are_dense_also_after_redis_lost_everything(control, redis):
    control.broadcast("a")
    control.broadcast("b")
    await redis.flushall()
    control.broadcast("c")

    assert (await cached(redis, 2)).broadcast_id == "c"


@pytest.mark.parametrize(
    ("body", "field", "named"),
    [
        ({"destinations": [SHOP]}, "short_domain", "required"),
        ({"short_domain": DOMAIN}, "destinations", "required"),
        ({"short_domain": DOMAIN, "destinations": []}, "destinations", "length >= 1"),
        ({"short_domain": "go.other.example", "destinations": [SHOP]}, "short_domain", "there is no domain"),
        ({"short_domain": DOMAIN, "destinations": [SHOP, "ftp://x.example"]}, "destinations[1]", "its scheme is ftp"),
        ({"short_domain": DOMAIN, "destinations": [f"https://{DOMAIN}/x"]}, "destinations[0]", "circles"),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "fallback": "https://10.0.0.1/"}, "fallback", "cannot reach"),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "status": 200}, "status", "status is 200"),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "expires_at": "tomorrow"}, "expires_at", '"tomorrow"'),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "sent_at": "2030-01-01T00:00:00"}, "sent_at", "timezone"),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "timezone": "Europe/Atlantis"}, "timezone", "Atlantis"),
        ({"short_domain": DOMAIN, "destinations": [SHOP], "stoped": True}, "stoped", "not known"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named_with_its_fault(control, body, field, named):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})

    answer = control.call("PUT", "/v1/broadcasts/spring", body)

    assert (answer.status, answer.body["field"]) == (422, field)
    assert named in answer.body["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert control.call("GET", "/v1/broadcasts/spring").status == 404


async def test_a_broadcast_that_ends_before_it_begins_is_refused(control):
    control.broadcast(valid_from="2030-01-02T00:00:00Z")

    answer = control.call("PATCH", "/v1/broadcasts/spring", {"expires_at": "2030-01-01T00:00:00Z"})

    assert (answer.status, answer.body["field"]) == (422, "expires_at")


@pytest.mark.parametrize("broadcast_id", ["a%20b", "-a", "a" * 129, "shared:7", "%00"])
async def test_an_id_that_is_not_one_is_refused(control, broadcast_id):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})

    body = {"short_domain": DOMAIN, "destinations": [SHOP]}
    assert control.call("PUT", f"/v1/broadcasts/{broadcast_id}", body).body["field"] == "broadcast_id"


async def test_links_in_peoples_phones_stay_what_they_are(control):
    control.broadcast(destinations=(SHOP, OTHER, OTHER))
    control.mint(contacts(2, destination_index=1))
    control.call("PUT", "/v1/domains/go.second.example", {})

    moved = control.call("PATCH", "/v1/broadcasts/spring", {"short_domain": "go.second.example"})
    assert (moved.status, moved.body["field"]) == (409, "short_domain")
    fewer = control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [SHOP]})
    assert (fewer.status, fewer.body["field"]) == (422, "destinations")
    assert "at least 2" in fewer.body["detail"]
    assert control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [SHOP, SHOP]}).status == 200


async def test_an_account_uses_its_own_domains_and_those_above_it(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME)
    body = {"short_domain": DOMAIN, "destinations": [SHOP]}

    assert control.call("PUT", "/v1/broadcasts/b", body, SEATTLE).body["account"] == "acme/seattle"
    assert control.call("PUT", "/v1/broadcasts/b", body).status == 422
    assert control.call("PUT", "/v1/broadcasts/b", body, ACME).status == 201
    control.call("PUT", "/v1/domains/pier.acme.example", {}, SEATTLE)
    assert control.call("PUT", "/v1/broadcasts/c", body | {"short_domain": "pier.acme.example"}, ACME).status == 422


async def test_the_same_id_names_another_broadcast_in_another_account(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME)
    control.call("PUT", "/v1/broadcasts/b", {"short_domain": DOMAIN, "destinations": [SHOP]}, ACME)
    control.call(
        "PUT", "/v1/broadcasts/b?account=acme/seattle", {"short_domain": DOMAIN, "destinations": [OTHER]}, ACME
    )

    assert control.call("GET", "/v1/broadcasts/b", key=ACME).body["destinations"] == [SHOP]
    assert control.call("GET", "/v1/broadcasts/b?account=acme/seattle", key=ACME).body["destinations"] == [OTHER]
    assert control.call("GET", "/v1/broadcasts/b", key=SEATTLE).body["destinations"] == [OTHER]
    assert control.call("GET", "/v1/broadcasts/b?account=acme", key=SEATTLE).status == 404


async def test_writes_at_the_same_time_lose_nothing(control):
    import asyncio

    control.broadcast()
    fields = [{"keyword": "K"}, {"source": "rcs"}, {"forward_query": True}, {"stopped": True}, {"status": 301}]

    await asyncio.gather(
        *(asyncio.to_thread(control.call, "PATCH", "/v1/broadcasts/spring", field) for field in fields)
    )

    found = control.call("GET", "/v1/broadcasts/spring").body
    assert all(found.items() >= field.items() for field in fields)


async def test_a_broadcast_from_before_a_rule_on_destinations_can_be_stopped(control, clickhouse, redis):
    control.broadcast()
    before = msgspec.structs.replace(await cached(redis), destinations=("https://shop.acme.example/100%",))
    await clickhouse.insert_rows("broadcasts", [msgspec.structs.replace(before, version=before.version + 1)])

    assert control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True}).status == 200
    assert control.call("PATCH", "/v1/broadcasts/spring", {"destinations": ["https://a.example/5%"]}).status == 422


async def test_an_end_in_the_past_is_taken_with_a_warning(control):
    control.broadcast()
    body = {"short_domain": DOMAIN, "destinations": [SHOP], "expires_at": "2020-01-01T00:00:00Z"}

    put = control.call("PUT", "/v1/broadcasts/spring", body)
    patched = control.call("PATCH", "/v1/broadcasts/spring", {"expires_at": "2021-01-01T00:00:00Z"})
    stopped = control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert (put.status, stopped.headers["Taptrail-Warning"]) == (200, None)
    assert "expired at 2020-01-01T00:00:00Z" in put.headers["Taptrail-Warning"]
    assert "expired at 2021-01-01T00:00:00Z" in patched.headers["Taptrail-Warning"]


PREVIEW = {"title": "Half price", "description": "Until Sunday", "image": "https://cdn.acme.example/1.png"}


async def test_a_preview_is_kept_reaches_the_edges_and_can_be_rolled_back(control, redis):
    made = control.broadcast(preview=PREVIEW)
    control.call("PATCH", f"/v1/domains/{DOMAIN}", {"preview": {"title": "Acme"}})

    gone = control.call("PATCH", "/v1/broadcasts/spring", {"preview": None})
    back = control.call("POST", "/v1/broadcasts/spring/rollback")

    assert (made["preview"], gone.body["preview"], back.body["preview"]) == (PREVIEW, None, PREVIEW)
    assert (await cached(redis)).preview == PREVIEW
    assert control.call("GET", f"/v1/domains/{DOMAIN}").body["preview"] == {"title": "Acme"}


@pytest.mark.parametrize(
    ("preview", "field"),
    [
        ({"title": "x" * 201}, "preview.title"),
        ({"title": "a\x00"}, "preview"),
        ({"description": "x" * 501}, "preview.description"),
        ({"image": "http://cdn.acme.example/1.png"}, "preview.image"),
        ({"image": "https://10.0.0.1/1.png"}, "preview.image"),
        ({"url": "https://acme.example/"}, "preview.url"),
    ],
)
@pytest.mark.parametrize("path", [f"/v1/domains/{DOMAIN}", "/v1/broadcasts/spring"])
async def test_a_wrong_part_of_a_preview_is_named(control, path, preview, field):
    control.broadcast()

    answer = control.call("PATCH", path, {"preview": preview})

    assert (answer.status, answer.body["field"]) == (422, field)
