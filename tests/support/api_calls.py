"""Every operation of the API, called for real: the smallest life of a domain, a broadcast and its links."""

import time
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from control.access.api_key import ApiKey
from control.access.share import SHARES, Share
from records.erasure import ERASURES
from records.keys import LANES, lane_name
from records.lane_registry import LaneReport
from runtime.clickhouse import ClickHouse
from tests.support.control import DOMAIN, SHOP


class Call(NamedTuple):
    operation: str
    method: str
    path: str
    body: Any
    status: int


LANE, KEY_ID, ERASURE_ID = lane_name(7), "00112233445566aa", "0123456789abcdef"
SHARE_ID = "8899aabbccddeeff"
DOMAIN_PATH, BROADCAST_PATH = f"/v1/domains/{DOMAIN}", "/v1/broadcasts/spring"
HOME = "https://acme.example/"
APP_LINKS = {"apple-app-site-association": {"applinks": {}}}
BROADCAST = {
    "short_domain": DOMAIN,
    "destinations": [SHOP, SHOP + "&2"],
    "fallback": "https://shop.acme.example/over",
    "expires_at": "2030-01-01T00:00:00Z",
}
FEWER = {"destinations": [SHOP + "&3"], "fallback": "https://shop.acme.example/gone"}
LINES = b'{"contact_id":"c-1","audience":"vip"}\n{"contact_id":"c-2","destination_index":1}\n{"contact_id":""}\n'
LINE = b'{"contact_id":"c-3"}'
SLUG = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": "SALE"}

# In this order on stores that are empty but for what `prepare` puts there.
CALLS = [
    Call("put_domain", "PUT", DOMAIN_PATH, {}, 201),
    Call("put_domain", "PUT", DOMAIN_PATH, {"home": HOME, "not_found": HOME, "app_links": APP_LINKS}, 200),
    Call("put_domain", "PUT", "/v1/domains/localhost:80", {}, 422),
    Call("patch_domain", "PATCH", DOMAIN_PATH, {"display_name": "Acme", "not_found": None}, 200),
    Call("patch_domain", "PATCH", DOMAIN_PATH, {"status": 200}, 422),
    Call("get_domain", "GET", DOMAIN_PATH, None, 200),
    Call("get_domain", "GET", "/v1/domains/go.other.example", None, 404),
    Call("check_domain", "POST", f"{DOMAIN_PATH}/check", {}, 200),
    Call("check_domain", "POST", f"{DOMAIN_PATH}/check", {"port": 0}, 422),
    Call("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 201),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, FEWER, 200),
    Call("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 200),
    Call("put_broadcast", "PUT", BROADCAST_PATH, {}, 422),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, {"status": 307, "fallback": "https://acme.example/over"}, 200),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, {"sent_at": None}, 200),
    Call("get_broadcast", "GET", BROADCAST_PATH, None, 200),
    Call("put_broadcast", "PUT", "/v1/broadcasts/typo", BROADCAST, 201),
    Call("delete_broadcast", "DELETE", "/v1/broadcasts/typo", None, 204),
    Call("list_domains", "GET", "/v1/domains?limit=1", None, 200),
    Call("list_broadcasts", "GET", "/v1/broadcasts?q=spr&state=live&since=2020-01-01T00:00:00Z", None, 200),
    Call("list_broadcasts", "GET", "/v1/broadcasts?state=gone", None, 422),
    Call("patch_destination", "PATCH", f"{BROADCAST_PATH}/destinations/1", {"to": SHOP + "&4"}, 200),
    Call("patch_destination", "PATCH", f"{BROADCAST_PATH}/destinations/2", {"to": SHOP}, 404),
    Call("history", "GET", f"{BROADCAST_PATH}/history?limit=2", None, 200),
    Call("roll_back", "POST", f"{BROADCAST_PATH}/rollback", {}, 200),
    Call("roll_back", "POST", f"{BROADCAST_PATH}/rollback", {"version": 99}, 422),
    Call("mint", "POST", f"{BROADCAST_PATH}/links?skip_bad=true", LINES, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links?skip_bad=true", LINES, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links", LINE, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links", LINES, 422),
    Call("create_canaries", "POST", f"{BROADCAST_PATH}/canaries", {"count": 2}, 201),
    Call("create_canaries", "POST", f"{BROADCAST_PATH}/canaries", LINE, 201),
    Call("create_canaries", "POST", f"{BROADCAST_PATH}/canaries", {"count": 0}, 422),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, FEWER, 422),
    Call("create_link", "POST", "/v1/links", SLUG, 201),
    Call("create_link", "POST", "/v1/links", SLUG, 409),
    Call("create_link", "POST", "/v1/links", {"broadcast_id": "spring"}, 201),
    Call("delete_broadcast", "DELETE", BROADCAST_PATH, None, 409),
    Call("list_links", "GET", f"{BROADCAST_PATH}/links?audience=vip&tapped=false", None, 200),
    Call("list_clicks", "GET", f"{BROADCAST_PATH}/clicks?class=human", None, 200),
    Call("list_clicks", "GET", f"{BROADCAST_PATH}/clicks?class=people", None, 422),
    Call("list_shared_links", "GET", f"/v1/links?domain={DOMAIN}", None, 200),
    Call("get_contact", "GET", "/v1/contacts/c-1", None, 200),
    Call("get_contact", "GET", "/v1/contacts/nobody", None, 404),
    Call("get_link", "GET", f"/v1/links/{DOMAIN}/SALE", None, 200),
    Call("qr_svg", "GET", f"/v1/links/{DOMAIN}/SALE/qr.svg", None, 200),
    Call("qr_svg", "GET", f"/v1/links/{DOMAIN}/SALE/qr.svg?size=63", None, 422),
    Call("qr_png", "GET", f"/v1/links/{DOMAIN}/sale/qr.png?size=64&border=1", None, 200),
    Call("qr_png", "GET", f"/v1/links/{DOMAIN}/NONE/qr.png", None, 404),
    Call("delete_domain", "DELETE", DOMAIN_PATH, None, 409),
    Call("put_domain", "PUT", "/v1/domains/go.second.example", {}, 201),
    Call("delete_domain", "DELETE", "/v1/domains/go.second.example", None, 204),
    Call("verify", "POST", f"{BROADCAST_PATH}/verify", {"sample": "all", "fetch": False}, 200),
    Call("verify", "POST", f"{BROADCAST_PATH}/verify", {"sample": 0}, 422),
    Call("compose", "POST", "/v1/compose", {"short_domain": DOMAIN, "text": f"Hi: {SHOP}"}, 200),
    Call("compose", "POST", "/v1/compose", {"short_domain": DOMAIN, "text": "Hi"}, 200),
    Call("compose", "POST", "/v1/compose", {"short_domain": DOMAIN, "text": 7}, 422),
    Call("create_key", "POST", "/v1/keys", {"account": "main/shop", "name": "crm", "scopes": ["mint"]}, 201),
    Call("create_key", "POST", "/v1/keys", {"scopes": ["everything"]}, 422),
    Call("list_keys", "GET", "/v1/keys?limit=2", None, 200),
    Call("revoke_key", "DELETE", f"/v1/keys/{KEY_ID}", None, 204),
    Call("messages", "POST", f"{BROADCAST_PATH}/messages", LINE, 422),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, {"text": f"Hi: {SHOP}"}, 200),
    Call("messages", "POST", f"{BROADCAST_PATH}/messages", LINE, 200),
    Call("patch_link", "PATCH", f"/v1/links/{DOMAIN}/SALE", {"destination": HOME}, 200),
    Call("patch_link", "PATCH", f"/v1/links/{DOMAIN}/SALE", {"slug": "NEW"}, 422),
    Call("delete_link", "DELETE", f"/v1/links/{DOMAIN}/SALE", None, 204),
    Call("report", "GET", f"{BROADCAST_PATH}/report", None, 200),
    Call("report", "GET", f"{BROADCAST_PATH}/report?tz=Europe/Atlantis", None, 422),
    Call("list_contacts", "GET", f"{BROADCAST_PATH}/contacts?q=c&limit=1", None, 200),
    Call("create_share", "POST", f"{BROADCAST_PATH}/shares", {}, 201),
    Call("create_share", "POST", f"{BROADCAST_PATH}/shares", {"expires_at": "2020-01-01T00:00:00Z"}, 422),
    Call("list_shares", "GET", f"{BROADCAST_PATH}/shares", None, 200),
    Call("revoke_share", "DELETE", f"/v1/shares/{SHARE_ID}", None, 204),
    Call("compare", "GET", f"/v1/report?broadcasts={BROADCAST_PATH.rsplit('/', 1)[1]}", None, 200),
    Call("compare", "GET", "/v1/report", None, 422),
    Call("account_report", "GET", "/v1/accounts/main/report", None, 200),
    Call("erase", "POST", "/v1/erasures", {"contact_id": "c-1", "links": "stop"}, 202),
    Call("erase", "POST", "/v1/erasures", {"contact_id": ""}, 422),
    Call("get_erasure", "GET", f"/v1/erasures/{ERASURE_ID}", None, 200),
    Call("ledger", "GET", "/v1/ledger", None, 200),
    Call("audit", "GET", "/v1/audit", None, 200),
    Call("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 2}, 409),
    Call("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 3}, 200),
]


async def prepare(redis: Redis, clickhouse: ClickHouse) -> None:
    """A lane that can be closed, LANE with 3 clicks that have not arrived; of main a key, a share and an erasure."""
    await redis.hset(LANES, LANE, msgspec.json.encode(LaneReport("edge-1", 3, 3, 3, 1_790_000_000_000)))
    now_ms = time.time_ns() // 1_000_000
    key = ApiKey(KEY_ID, "main", "old", ("report",), "0" * 64, now_ms, 0, now_ms)
    await clickhouse.insert_rows("taptrail_internal.api_keys", [key])
    share = Share(SHARE_ID, "main", "spring", "0" * 64, now_ms, now_ms + 600_000, 0, now_ms)
    await clickhouse.insert_rows(SHARES.name, [share])
    erasure = {"erasure": int(ERASURE_ID, 16), "account": "main", "contact_hash": "", "links": "keep"}
    await clickhouse.insert_rows(ERASURES, [erasure])
