"""Every call is made for real, and what comes back is what the OpenAPI document says: status, type and body."""

import jsonschema
import msgspec

from control.http.operations import OPERATIONS, openapi
from records.keys import LANES, lane_name
from records.lane_registry import LaneReport
from tests.support.control import DOMAIN, SHOP

DOCUMENT = openapi()
DESCRIBED = {described["operationId"]: described for path in DOCUMENT["paths"].values() for described in path.values()}


def fault_of(schema, value):
    schema = {**schema, "components": DOCUMENT["components"]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return next((f"{error.json_path}: {error.message}" for error in errors), None)


def fault_in(operation, answer):
    """What of an answer is not as the document says, or None."""
    responses = DESCRIBED[operation]["responses"]
    response = responses.get(str(answer.status)) or (responses["default"] if answer.status >= 400 else None)
    if response is None:
        return f"status {answer.status} is not described, only {sorted(responses)}"
    content = response["content"].get(answer.headers.get_content_type())
    if content is None:
        return f"{answer.headers.get_content_type()} is not described, only {sorted(response['content'])}"
    bodies = answer.body if isinstance(answer.body, list) else [answer.body]
    return next(filter(None, (fault_of(content["schema"], body) for body in bodies)), None)


LANE = lane_name(7)
DOMAIN_PATH, BROADCAST_PATH = f"/v1/domains/{DOMAIN}", "/v1/broadcasts/spring"
APP_LINKS = {"apple-app-site-association": {"applinks": {}}}
BROADCAST = {"short_domain": DOMAIN, "destinations": [SHOP, SHOP + "&2"], "expires_at": "2030-01-01T00:00:00Z"}
LINES = b'{"contact_id":"c-1","audience":"vip"}\n{"contact_id":"c-2","destination_index":1}\n{"contact_id":""}\n'
SLUG = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": "SALE"}

# In this order on empty stores: (operation, method, path, body, status).
CALLS = [
    ("put_domain", "PUT", DOMAIN_PATH, {}, 201),
    ("put_domain", "PUT", DOMAIN_PATH, {"home": "https://acme.example/", "app_links": APP_LINKS}, 200),
    ("put_domain", "PUT", "/v1/domains/localhost:80", {}, 422),
    ("get_domain", "GET", DOMAIN_PATH, None, 200),
    ("get_domain", "GET", "/v1/domains/go.other.example", None, 404),
    ("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 201),
    ("put_broadcast", "PUT", BROADCAST_PATH, BROADCAST, 200),
    ("put_broadcast", "PUT", BROADCAST_PATH, {}, 422),
    ("patch_broadcast", "PATCH", BROADCAST_PATH, {"status": 307, "fallback": "https://acme.example/over"}, 200),
    ("get_broadcast", "GET", BROADCAST_PATH, None, 200),
    ("mint", "POST", f"{BROADCAST_PATH}/links?skip_bad=true", LINES, 200),
    ("mint", "POST", f"{BROADCAST_PATH}/links", LINES, 422),
    ("create_link", "POST", "/v1/links", SLUG, 201),
    ("create_link", "POST", "/v1/links", SLUG, 409),
    ("create_link", "POST", "/v1/links", {"broadcast_id": "spring"}, 201),
    ("get_link", "GET", f"/v1/links/{DOMAIN}/SALE", None, 200),
    ("report", "GET", f"{BROADCAST_PATH}/report", None, 200),
    ("ledger", "GET", "/v1/ledger", None, 200),
    ("audit", "GET", "/v1/audit", None, 200),
    ("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 2}, 409),
    ("close_lane", "POST", f"/v1/lanes/{LANE}/close", {"not_arrived": 3}, 200),
]


def test_every_operation_is_called_below_and_every_status_it_may_have():
    called = {(operation, status) for operation, _, _, _, status in CALLS}

    described = {(operation.name, status) for operation in OPERATIONS for status in operation.statuses}
    assert described <= called
    assert {operation for operation, _ in called} == set(DESCRIBED)


async def test_every_answer_is_as_the_document_describes_it(control, redis):
    await redis.hset(LANES, LANE, msgspec.json.encode(LaneReport("edge-1", 3, 3, 3, 1_790_000_000_000)))

    for operation, method, path, body, status in CALLS:
        answer = control.call(method, path, body)

        assert (operation, answer.status) == (operation, status), answer.body
        assert fault_in(operation, answer) is None, (operation, answer.body)


def test_the_bodies_that_the_calls_take_are_those_of_the_document():
    for operation, _, _, body, status in CALLS:
        if body is None or status >= 400 or isinstance(body, bytes):
            continue
        schema = DESCRIBED[operation]["requestBody"]["content"]["application/json"]["schema"]

        assert fault_of(schema, body) is None, operation
