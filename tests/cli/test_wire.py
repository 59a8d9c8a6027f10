"""The client of the commands, on real sockets."""

import socket
import threading
from http.client import HTTPException
from io import BytesIO

import pytest

from cli.wire import FAULTS, answered, lines_of


@pytest.fixture
def service():
    """Answers the next connection with these bytes, and gives what it was sent: all of it, or so many bytes."""
    listening = socket.create_server(("127.0.0.1", 0))
    sent, threads = [], []

    def answering(data, *, reads=None):
        def serve():
            connection, _ = listening.accept()
            with connection:
                received = b""
                while (reads is None and not received.endswith(b"end\n")) or len(received) < (reads or 0):
                    received += connection.recv(1 << 16)
                sent.append(received)
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}", sent

    yield answering
    for thread in threads:
        thread.join(timeout=10)
    listening.close()


def post(url, body, **query):
    return answered("POST", f"{url}/v1/x", body, headers={"Authorization": "Bearer k"}, query=query)


def chunked(*pieces, ended=True):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if ended else b"")


def test_a_file_is_sent_from_its_beginning_and_lines_come_whole(service):
    url, sent = service(chunked(b"one\ntw", b"o", b"\nthree\n"))
    body = BytesIO(b"a line\nend\n")
    body.read()

    with post(url, body, account="acme/seattle") as answer:
        lines = list(lines_of(answer))

    assert lines == [b"one\n", b"two\nthree\n"]
    assert sent[0].startswith(b"POST /v1/x?account=acme%2Fseattle HTTP/1.1\r\n")
    assert b"Content-Length: 11\r\n" in sent[0]
    assert sent[0].endswith(b"\r\n\r\na line\nend\n")


def test_the_last_line_needs_no_end(service):
    url, _ = service(chunked(b"one\n", b'{"new":1}'))

    with post(url, b"end\n") as answer:
        assert list(lines_of(answer)) == [b"one\n", b'{"new":1}']


@pytest.mark.parametrize(
    "data",
    [chunked(b"one\n", ended=False), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none\n"],
    ids=["chunks", "length"],
)
def test_an_answer_that_breaks_off_is_a_fault_after_its_whole_lines(service, data):
    url, _ = service(data)

    with post(url, b"end\n") as answer:
        lines = lines_of(answer)
        assert next(lines) == b"one\n"
        with pytest.raises(HTTPException):
            next(lines)


def test_a_service_that_refuses_a_body_it_has_not_read_is_heard(service):
    url, _ = service(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge", reads=1)

    with post(url, BytesIO(bytes(1 << 20))) as answer:
        assert answer.status == 413


def test_nothing_that_listens_is_a_fault():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

    with pytest.raises(FAULTS), post(url, b""):
        pass
