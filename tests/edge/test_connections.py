"""Connections as strangers make them: slow, endless, silent, half-closed, too many. Ordinary taps go on beside them."""

import contextlib
import resource
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.edge import HOST, Edge, cipher, destination, fill, has_read_all, standing_edge
from tests.support.eventually import wait_until

CODE = cipher.seal(5)
REQUEST = f"GET /{CODE} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
LAST = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture(scope="module", params=["fast", "asgi"])
def way(request):
    return request.param


@pytest.fixture(scope="module", autouse=True)
def many_files():
    """Ten thousand clients in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def edge(empty_stores, tmp_path_factory, way):
    """One edge for all of them: none of these clients leaves a trace."""
    with standing_edge(way, empty_stores, tmp_path_factory.mktemp("edge")) as edge:
        yield edge


def opened(edge, data=b""):
    connection = socket.create_connection(("127.0.0.1", edge.port), timeout=20)
    connection.sendall(data)
    return connection


def received(connection, *, until=None):
    got = b""
    while (until is None or until not in got) and (more := connection.recv(65536)):
        got += more
    return got


def is_ended(connection):
    """Whether the edge has closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize("glued", ["\u201d", "\u2019.", "\u00bb"])
@pytest.mark.parametrize("parts", [1, 2])
def test_punctuation_glued_as_raw_bytes_changes_nothing(edge, glued, parts):
    data = LAST.replace(CODE.encode(), CODE.encode() + glued.encode())
    cut = data.index(CODE.encode()) + len(CODE) + 1 if parts == 2 else len(data)

    with opened(edge, data[:cut]) as connection:
        if parts == 2:
            wait_until(lambda: has_read_all(connection))  # so that they are two reads
            connection.sendall(data[cut:])
        answer = received(connection)

    assert b"location: " + destination(5).encode() in answer


@pytest.mark.parametrize(
    "data",
    [
        REQUEST.replace(b"Host:", b"Host: other.example\r\nHost:"),
        REQUEST.replace(b"Host:", b"X:"),
        REQUEST.replace(b"Host:", b"Ho st:"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["two hosts", "no host", "a broken name", "TLS"],
)
def test_a_request_that_is_none_gets_a_400_and_no_line_in_the_log(edge, data):
    before = edge.log.read_text()

    assert edge.send(data).startswith(b"HTTP/1.1 400")

    assert edge.tap(5) == destination(5)
    assert edge.log.read_text() == before


@pytest.mark.parametrize("offered", ["websocket", "h2c", "TLS/1.0"])
def test_a_tap_that_offers_an_upgrade_is_an_ordinary_tap(edge, offered):
    before = edge.log.read_text()
    upgrade = f"\r\nConnection: Upgrade\r\nUpgrade: {offered}\r\n\r\n".encode()

    answer = edge.send(REQUEST.replace(b"\r\n\r\n", upgrade))

    assert destination(5).encode() in answer
    assert edge.log.read_text() == before


def test_a_client_that_closes_its_sending_half_still_gets_its_answers(edge):
    with opened(edge, REQUEST * 3) as connection:
        connection.shutdown(socket.SHUT_WR)
        answers = received(connection)

    assert answers.count(destination(5).encode()) == 3


def test_pipelined_requests_beyond_the_bound_are_left_to_another_connection(edge):
    with opened(edge, REQUEST * 500) as connection:
        answers = received(connection)

    assert 2 <= answers.count(b"HTTP/1.1 302") < 500
    assert answers.rstrip().endswith(b"connection: close")


@pytest.mark.parametrize(
    "endless",
    [
        (b"GET /", b"a" * 1000),
        (REQUEST[:-2], b"X-More: " + b"a" * 1000 + b"\r\n"),
        (REQUEST[:-2] + b"X-More: ", b"a" * 1000),
        (REQUEST.replace(b"\r\n\r\n", b"\r\nContent-Length: 100000000\r\n\r\n"), b"a" * 1000),
        (REQUEST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), b"3e8\r\n" + b"a" * 1000 + b"\r\n"),
    ],
    ids=["url", "headers", "a header", "a body", "chunks"],
)
def test_a_request_without_an_end_is_cut_off_after_some_bytes(edge, endless):
    start, more = endless
    sent = 0

    with opened(edge, start) as connection, contextlib.suppress(OSError):
        while sent < 50_000_000:
            connection.sendall(more)
            sent += len(more)

    assert sent < 50_000_000
    assert edge.tap(5) == destination(5)


def test_a_client_that_never_reads_is_not_answered_without_bound(edge):
    process = psutil.Process(edge.process.pid)
    before = process.memory_info().rss

    with opened(edge) as connection:
        connection.settimeout(1)
        with contextlib.suppress(OSError):  # it is cut off, or nothing more is taken from it
            while True:
                connection.sendall(REQUEST)

        assert edge.tap(5) == destination(5)
        assert process.memory_info().rss - before < 20_000_000


def test_taps_go_on_beside_ten_thousand_idle_connections(edge):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 11_000:
        pytest.skip("ten thousand connections cannot be opened here: the rule is not tested")
    process = psutil.Process(edge.process.pid)
    before = process.memory_info().rss
    idle = []
    for _ in range(100):
        some = [opened(edge, REQUEST) for _ in range(100)]
        assert all(b" 302 " in received(connection, until=b"\r\n\r\n") for connection in some)
        idle += some

    grown = process.memory_info().rss - before

    assert [edge.tap(link_id) for link_id in range(20)] == [destination(link_id) for link_id in range(20)]
    assert grown / len(idle) < 16_384, f"{grown / len(idle):.0f} bytes an idle connection"
    for connection in idle:
        connection.close()


class EdgeWithFewFiles(Edge):
    command = (
        "-c",
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        "runpy.run_module('edge', run_name='__main__')",
    )


def test_an_edge_with_few_descriptors_says_so_and_lets_the_oldest_idle_connections_go(
    valkey_url, clickhouse_url, tmp_path
):
    fill(valkey_url)
    edge = EdgeWithFewFiles(valkey_url, clickhouse_url, tmp_path)
    assert "RLIMIT_NOFILE" in edge.log.read_text()

    connections = [opened(edge, REQUEST) for _ in range(400)]

    assert destination(5).encode() in received(connections[-1], until=b"\r\n\r\n")
    assert edge.tap(5) == destination(5)
    with contextlib.suppress(OSError):
        received(connections[0], until=b"\r\n\r\n")
    wait_until(lambda: is_ended(connections[0]))
    assert not is_ended(connections[-1])
    for connection in connections:
        connection.close()
    edge.kill()


def test_slow_clients_hold_nobody_up_and_are_let_go(edge):
    slow = [opened(edge, REQUEST[:-2] + b"X-Slow: ") for _ in range(300)]
    ended = set()
    deadline = time.monotonic() + 60

    while len(ended) < len(slow):
        assert time.monotonic() < deadline, f"{len(slow) - len(ended)} are still served byte by byte"
        assert edge.tap(5) == destination(5)
        for connection in set(slow) - ended:
            with contextlib.suppress(OSError):
                connection.send(b"a")
            if is_ended(connection):
                ended.add(connection)
        time.sleep(1)  # the pace of these clients is what is tested


def test_what_waits_in_the_queue_of_an_edge_that_is_stopped_is_answered(edges, valkey_url):
    fill(valkey_url)
    edge = edges()
    edge.process.send_signal(signal.SIGSTOP)
    waiting = [opened(edge, REQUEST) for _ in range(300)]
    edge.process.send_signal(signal.SIGTERM)
    edge.process.send_signal(signal.SIGCONT)

    answers = [received(connection) for connection in waiting]

    assert all(destination(5).encode() in answer for answer in answers)
    assert edge.process.wait(40) == 0


@pytest.mark.parametrize("value", ["0x", "99", "1"])
@pytest.mark.servers
def test_a_descriptor_that_is_no_listening_socket_is_refused_at_start(tmp_path, value):
    environ = {
        "TAPTRAIL_CODE_KEY": "0" * 32, "TAPTRAIL_SPOOL_DIR": str(tmp_path), "TAPTRAIL_LISTEN_FD": value,
        "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1/0", "TAPTRAIL_CLICKHOUSE_URL": "http://x:y@127.0.0.1:1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "edge"], env=environ, capture_output=True, text=True, check=False)

    assert done.returncode in (1, 2)
    assert "listening socket" in done.stderr
    assert value in done.stderr
    assert len(done.stderr.splitlines()) == 1
