"""What a client sends, cut into requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.guard.reader import MAX_HEAD_BYTES, NotHttp, Reader

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello\r\n\r\nyou"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab\r\n\r\ncd\r\n0\r\nX-Sum: 1\r\n\r\n"
OLD = b"GET /old HTTP/1.0\r\n\r\n"


def heads_and_bodies(reader):
    found = []
    while True:
        is_head = not reader.in_body
        piece = reader.next()
        if not piece:
            return found
        found.append((is_head, piece))


def joined(pieces):
    """Whole heads, and after each what came of its body."""
    whole = []
    for is_head, piece in pieces:
        if is_head:
            whole.append([piece, b""])
        else:
            whole[-1][1] += piece
    return whole


def parted(request):
    head, blank, body = request.partition(b"\r\n\r\n")
    return [head + blank, body]


@given(st.lists(st.sampled_from([GET, POST, CHUNKED]), max_size=6), st.data())
def test_requests_are_the_same_however_their_bytes_arrive(requests, data):
    stream = b"\r\n".join(requests)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, pieces = Reader(), []

    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.add(stream[start:end])
        pieces += heads_and_bodies(reader)

    assert joined(pieces) == [parted(request) for request in requests]
    assert reader.is_between_requests


@given(st.binary(max_size=200))
def test_any_bytes_are_given_as_they_came_or_refused(data):
    reader = Reader()
    reader.add(data)

    try:
        pieces = heads_and_bodies(reader)
    except NotHttp:
        return

    assert sum(len(piece) for _, piece in pieces) + reader.held_bytes <= 3 * len(data)


@pytest.mark.parametrize(
    "data",
    [
        GET.replace(b"Host", b"X"),
        GET.replace(b"Host: a", b"Host: a\r\nHost: b"),
        OLD.replace(b"\r\n\r\n", b"\r\nHost: a\r\nHost: b\r\n\r\n"),
        GET.replace(b"\r\n", b"\n"),
        b"\x16\x03\x01",
        POST.replace(b"12", b"-1"),
        POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", 1),
    ],
    ids=["no host", "two hosts", "two hosts, 1.0", "bare newlines", "TLS", "negative length", "two lengths"],
)
def test_what_is_no_request_is_refused_as_soon_as_that_is_seen(data):
    reader = Reader()
    reader.add(data)

    with pytest.raises(NotHttp):
        heads_and_bodies(reader)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_that_is_too_long_is_refused_before_it_ends(end):
    reader = Reader()
    reader.add(GET[:-2] + b"X: a\r\n" * (MAX_HEAD_BYTES // 6) + b"X: b" + end)

    with pytest.raises(NotHttp):
        heads_and_bodies(reader)


def test_bytes_that_no_url_has_are_percent_encoded_in_the_request_line_alone():
    reader = Reader()
    data = "GET /a”#b HTTP/1.1\r\nHost: a\r\nX: ”#\r\n\r\n".encode()
    reader.add(data[:8])
    assert reader.next() == b""
    reader.add(data[8:])

    assert reader.next() == b"GET /a%E2%80%9D%23b HTTP/1.1\r\nHost: a\r\nX: \xe2\x80\x9d#\r\n\r\n"


@pytest.mark.parametrize(
    "closing", [OLD, GET.replace(b"Host", b"Connection: close\r\nHost"),
                GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: h2c\r\nHost")],
    ids=["1.0", "close", "upgrade"],
)  # fmt: skip
def test_the_last_request_of_a_connection_says_so(closing):
    reader = Reader()
    reader.add(GET + closing)

    assert (reader.next(), reader.is_last) == (GET, False)
    assert (reader.next(), reader.is_last) == (closing, True)


def test_of_requests_that_wait_the_first_may_be_kept():
    reader = Reader()
    reader.add(GET * 3 + GET[:-5])

    reader.drop_behind(2)

    assert reader.waiting == 2
    assert [piece for _, piece in heads_and_bodies(reader)] == [GET, GET]
