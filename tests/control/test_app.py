import http.client
import subprocess
import sys

import pytest

from control.http.operations import OPERATIONS
from tests.support.control import MAIN


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_no_call_is_answered_without_a_key(control, operation):
    path = operation.path.format(
        account="main", domain="go.acme.example", broadcast_id="spring", code="SALE", lane="0", key_id="0",
        share_id="0", contact_id="c-1", index="0", erasure_id="0",
    )  # fmt: skip

    for key in ("", "not-a-key-of-this-service"):
        answer = control.call(operation.method, path, {} if operation.body else None, key=key)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="taptrail"')
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_the_documentation_needs_no_key(control):
    page = control.call("GET", "/docs", key="")

    assert page.status == 200
    assert all(operation.path in page.body for operation in OPERATIONS)
    assert 'src="' not in page.body
    assert "http" not in page.body.replace("https://control/", "").replace("https://shop.acme.example/", "")


async def test_the_openapi_document_describes_every_call_and_every_field(control):
    document = control.call("GET", "/v1/openapi.json", key="").body

    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    broadcast = document["components"]["schemas"]["BroadcastBody"]
    assert broadcast["required"] == ["short_domain"]
    assert broadcast["additionalProperties"] is False


async def test_404_and_405_are_problem_documents(control):
    assert control.call("GET", "/v2/links").status == 404
    refused = control.call("POST", "/v1/broadcasts/spring")
    assert refused.status == 405
    assert {"GET", "PUT", "PATCH"} <= set(refused.headers["Allow"].split(", "))
    assert refused.body["type"] == "/docs#method"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"{} {}"])
async def test_a_body_that_is_not_json_is_refused(control, body):
    answer = control.call("PUT", "/v1/domains/go.acme.example", body)

    assert (answer.status, answer.body["type"]) == (400, "/docs#not-json")


async def test_a_body_that_is_too_large_is_refused(control):
    answer = control.call("PUT", "/v1/domains/go.acme.example", b'{"home":"' + b"x" * 2_000_000 + b'"}')

    assert answer.status == 413
    assert "1048576" in answer.body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/v1/broadcasts/spring?acount=acme", "acount"), ("GET", "/v1/ledger?account=main", "account"),
        ("POST", "/v1/broadcasts/spring/links?skipbad=true", "skipbad"), ("GET", "/v1/audit?hour=1", "hour"),
    ],
)  # fmt: skip
async def test_a_query_parameter_that_is_not_known_is_refused_by_name(control, method, path, named):
    answer = control.call(method, path, b"" if method == "POST" else None)

    assert (answer.status, answer.body["field"]) == (422, named)
    assert f'"{named}" is not known here' in answer.body["detail"]
    assert control.call(method, path, key="").status == 401


async def test_calls_are_counted_by_route_and_not_by_path(control):
    control.call("GET", "/v1/broadcasts/one-of-many")
    control.call("GET", "/junk")

    metrics = control.metrics()

    route = "/v1/broadcasts/{broadcast_id}"
    assert f'taptrail_control_requests_total{{method="GET",route="{route}",status="404"}}' in metrics
    assert "one-of-many" not in metrics
    assert "junk" not in metrics


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [("TAPTRAIL_API_KEYS", "acme", "account:key"), ("TAPTRAIL_API_KEYS", "", "is not set"),
     ("TAPTRAIL_PORT", "http", "a port"), ("TAPTRAIL_CODE_KEY", "beef", "32 hex digits"),
     ("TAPTRAIL_LINK_CACHE_DAYS", "nan", "days, more than 0"), ("TAPTRAIL_LINK_CACHE_DAYS", "inf", "days, more than 0"),
     ("TAPTRAIL_HOST", "192.0.2.1", "an address of this machine"), ("TAPTRAIL_REDIS_URL", "127.0.0.1", "redis://")],
)  # fmt: skip
@pytest.mark.servers
def test_a_wrong_variable_stops_the_process_at_start_with_one_line(variable, value, named):
    environ = {
        "TAPTRAIL_CODE_KEY": "00" * 16,
        "TAPTRAIL_API_KEYS": f"main:{MAIN}",
        "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1",
        "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1:1",
        variable: value,
    }

    command = [sys.executable, "-m", "control"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(variable)
    assert named in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["/docs", "/v1/openapi.json", "/v1/ledger", "/nope", "/v1/broadcasts/nope"])
async def test_a_browser_takes_an_answer_for_no_more_than_it_is(control, path):
    headers = control.call("GET", path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_no_path_redirects_to_the_host_that_a_client_says(control):
    for path in ("/docs/", "/v1/ledger/", "/v1/openapi.json/", "//evil.example/"):
        answer = control.call("GET", path, Host="evil.example")

        assert (answer.status, answer.headers["Location"]) == (404, None)


def test_no_ops_port_redirects_either(control_process):
    connection = http.client.HTTPConnection("127.0.0.1", control_process.ops_port, timeout=10)
    connection.request("GET", "/metrics/", headers={"Host": "evil.example"})
    answer = connection.getresponse()
    connection.close()

    assert (answer.status, answer.headers["Location"]) == (404, None)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
