"""A client that hangs up in the middle of an upload or a download: one line at debug level, counted as 499."""

import json
import socket

import pytest

from tests.support.control import MAIN
from tests.support.processes import wait_until

MINT = "/v1/broadcasts/{broadcast_id}/links"
PUT = "/v1/domains/{domain}"


@pytest.fixture
def own_control(controls, valkey_url, redis, clickhouse):
    return controls(valkey_url, TAPTRAIL_LOG_LEVEL="debug")


def send(control, method, path, size, body):
    """A connection on which a request with a body of `size` bytes has begun."""
    connection = socket.create_connection(("127.0.0.1", control.port))
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: control\r\nAuthorization: Bearer {MAIN}\r\nContent-Length: {size}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def hung_up(control, route):
    return control.metric("taptrail_control_requests_total", route=route, status="499")


def logged(control):
    """Lines about a client that hung up, and what is at error level."""
    lines = [json.loads(line) for line in control.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "client_hung_up"], [
        line for line in lines if line["level"] == "error"
    ]


@pytest.mark.parametrize(
    ("method", "path", "route"), [("POST", "/v1/broadcasts/spring/links", MINT), ("PUT", "/v1/domains/a.example", PUT)]
)
async def test_an_upload_that_is_cut_off_is_no_fault_of_the_service(own_control, method, path, route):
    own_control.broadcast()

    send(own_control, method, path, 1_000_000, b'{"contact_id":"c-1"}\n' * 1000).close()

    wait_until(lambda: hung_up(own_control, route) == 1)
    told, errors = logged(own_control)
    assert ([line["route"] for line in told], errors) == ([route], [])
    assert "Traceback" not in own_control.log.read_text()
    assert own_control.metric("taptrail_control_requests_total", status="500") == 0


async def test_a_download_that_is_cut_off_is_no_fault_of_the_service(own_control, clickhouse):
    own_control.broadcast()
    body = b"".join(b'{"contact_id":"c-%d"}\n' % number for number in range(200_000))

    connection = send(own_control, "POST", "/v1/broadcasts/spring/links", len(body), body)
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    connection.close()

    wait_until(lambda: hung_up(own_control, MINT) == 1)
    told, errors = logged(own_control)
    assert ([line["route"] for line in told], errors) == ([MINT], [])
    assert "Traceback" not in own_control.log.read_text()
