"""Every operation of the API, called for real: the smallest life of a domain, a broadcast and its links."""

from typing import Any, NamedTuple

from records.keys import lane_name
from tests.support.control import DOMAIN, SHOP


class Call(NamedTuple):
    operation: str
    method: str
    path: str
    body: Any
    status: int


LANE = lane_name(7)
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

# In this order on stores that are empty but for a lane that can be closed, LANE with 3 clicks that have not arrived.
CALLS = [
    Call("put_domain", "PUT", DOMAIN_PATH, {}, 201),
    Call("put_domain", "PUT", DOMAIN_PATH, {"home": HOME, "not_found": HOME, "app_links": APP_LINKS}, 200),
    Call("put_domain", "PUT", "/v1/domains/localhost:80", {}, 422),
    Call("patch_domain", "PATCH", DOMAIN_PATH, {"display_name": "Acme", "not_found": None}, 200),
    Call("patch_domain", "PATCH", DOMAIN_PATH, {"status": 200}, 422),
    Call("get_domain", "GET", DOMAIN_PATH, None, 200),
    Call("get_domain", "GET", "/v1/domains/go.other.example", None, 404),
    Call("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 201),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, FEWER, 200),
    Call("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 200),
    Call("put_broadcast", "PUT", BROADCAST_PATH, {}, 422),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, {"status": 307, "fallback": "https://acme.example/over"}, 200),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, {"sent_at": None}, 200),
    Call("get_broadcast", "GET", BROADCAST_PATH, None, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links?skip_bad=true", LINES, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links?skip_bad=true", LINES, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links", LINE, 200),
    Call("mint", "POST", f"{BROADCAST_PATH}/links", LINES, 422),
    Call("patch_broadcast", "PATCH", BROADCAST_PATH, FEWER, 422),
    Call("create_link", "POST", "/v1/links", SLUG, 201),
    Call("create_link", "POST", "/v1/links", SLUG, 409),
    Call("create_link", "POST", "/v1/links", {"broadcast_id": "spring"}, 201),
    Call("get_link", "GET", f"/v1/links/{DOMAIN}/SALE", None, 200),
    Call("delete_domain", "DELETE", DOMAIN_PATH, None, 409),
    Call("put_domain", "PUT", "/v1/domains/go.second.example", {}, 201),
    Call("delete_domain", "DELETE", "/v1/domains/go.second.example", None, 204),
    Call("verify", "POST", f"{BROADCAST_PATH}/verify", {"sample": "all", "fetch": False}, 200),
    Call("verify", "POST", f"{BROADCAST_PATH}/verify", {"sample": 0}, 422),
    Call("report", "GET", f"{BROADCAST_PATH}/report", None, 200),
    Call("ledger", "GET", "/v1/ledger", None, 200),
    Call("audit", "GET", "/v1/audit", None, 200),
    Call("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 2}, 409),
    Call("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 3}, 200),
]
