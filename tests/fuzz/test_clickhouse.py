"""Any request to the ClickHouse endpoint: an answer of the protocol, never a traceback, and the next query works."""

import http.client
import re
import socket
import urllib.parse

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.clickhouse import ANALYST, WRITER, clickhouse_command, clickhouse_environ
from tests.support.processes import free_port, running

pytestmark = pytest.mark.servers

ERROR = re.compile(rb"Code: \d+\. DB::Exception: ")


class Endpoint:
    def __init__(self, port, log):
        self.port, self.log = port, log

    def ask(self, method, target, body=None, headers=()):
        """(status, error code, body); raises what http.client raises for no answer within the time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in (("Host", b"127.0.0.1"), *headers):
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("X-ClickHouse-Exception-Code"), answer.read()
        finally:
            connection.close()

    def works(self):
        _, _, body = self.ask("POST", "/", b"SELECT 6 * 7", headers=credentials(WRITER))
        return body == b"42\n"


def credentials(user):
    name, password = user.split(":")
    return [("X-ClickHouse-User", name.encode()), ("X-ClickHouse-Key", password.encode())]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    """A server of its own: fuzzing may end it."""
    folder, port = tmp_path_factory.mktemp("fuzzed"), free_port()
    with running(clickhouse_command(folder, port), port, folder / "log", clickhouse_environ()):
        yield Endpoint(port, folder / "log")


METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
NAMES = st.sampled_from(
    ["query", "database", "default_format", "query_id", "user", "password", "param_a", "param_", "compress", "role",
     "decompress", "enable_http_compression", "wait_end_of_query", "max_threads", "async_insert", "session_id", "",
     "x y", "max_result_rows", "readonly", "log_comment", "output_format_json_quote_64bit_integers"]
)  # fmt: skip
SQL = st.sampled_from(
    ["SELECT 1", "SELECT {a:UInt8}", "SELECT {a:String}", "SELECT number FROM numbers(3) FORMAT JSON", "INSERT INTO t",
     "INSERT INTO system.one FORMAT Values (1)", "INSERT INTO nope SELECT 1", "KILL QUERY WHERE 1",
     "KILL QUERY WHERE )",
     "SELECT 1; SELECT 2", "SELECT '", "SELECT /*", "SELECT $a$", "(SELECT 1", "SELECT 1 INTO OUTFILE '/nowhere/x'",
     "FORMAT",
     "EXPLAIN SELECT 1", "SELECT 1 FORMAT Nope", "INSERT INTO system.one FORMAT ArrowStream ", "USE nope", "SET a = 1",
     "SELECT * FROM system.processes", "SELECT throwIf(1)", "WITH x AS (SELECT 1) SELECT * FROM x", "SHOW TABLES"]
)  # fmt: skip
TEXTS = st.one_of(SQL, st.text(max_size=30), st.sampled_from(["0", "1", "-1", "1e99", "\x00", "'", "taptrail", "JSON"]))
VALUES = st.binary(max_size=30).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\x00"))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["X-ClickHouse-Format", "X-ClickHouse-Database", "X-ClickHouse-Query-Id", "Authorization",
                         "Content-Encoding", "Accept-Encoding", "Content-Type", "Expect"]),
        st.one_of(VALUES, st.sampled_from([b"gzip", b"zstd", b"lz4", b"br", b"deflate", b"bz2", b"snappy",
                                           b"Basic !", b"Basic Og==", b"JSONEachRow", b"multipart/form-data"])),
    ),
    max_size=3,
)  # fmt: skip
BODIES = st.one_of(st.none(), st.binary(max_size=60), TEXTS.map(lambda text: text.encode("utf-8", "replace")))


def _encoded(arguments):
    return urllib.parse.urlencode(arguments, encoding="utf-8", errors="surrogatepass")


@settings(max_examples=250)
@given(
    method=METHODS,
    arguments=st.lists(st.tuples(NAMES, TEXTS), max_size=4),
    headers=HEADERS,
    body=BODIES,
    user=st.sampled_from([WRITER, ANALYST, "nobody:x"]),
)
@example("POST", [("query_id", "a\r\nX: b")], [], b"SELECT 1", WRITER)
@example(
    "POST", [("default_format", "\r\nX: b")], [], b"INSERT INTO FUNCTION null('a UInt8') FORMAT Values (1)", WRITER
)
@example("GET", [], [("Expect", b"\x80")], None, WRITER)
@example("POST", [], [("X-ClickHouse-Database", b"ja\xffM")], b"SELECT 1", WRITER)
def test_any_request_gets_an_answer_of_the_protocol(endpoint, method, arguments, headers, body, user):
    try:
        status, code, text = endpoint.ask(method, "/?" + _encoded(arguments), body, [*credentials(user), *headers])
    except (http.client.HTTPException, ConnectionError) as error:
        raise AssertionError(f"no answer: {error!r}") from error

    assert 200 <= status < 600
    assert code is not None or status <= 400, "only what is not HTTP is refused without a code"
    if code is not None:
        assert method == "HEAD" or ERROR.search(text), text
    assert status != 500 or code is not None, text
    assert b"Traceback" not in text
    assert endpoint.works()


@settings(max_examples=80)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(
    [b"POST / HTTP/1.1\r\n", b"GET /?query=SELECT%201 HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 9\r\n", b"\r\n",
     b"Transfer-Encoding: chunked\r\n", b"5\r\nSELEC\r\n", b"zz\r\n", b"0\r\n\r\n", b"X-ClickHouse-User: taptrail\r\n",
     b"X-ClickHouse-Key: writer-password\r\n", b"SELECT 1"])), max_size=12).map(b"".join))  # fmt: skip
def test_any_bytes_on_a_connection_are_answered_or_cut_off(endpoint, data):
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while more := connection.recv(65536):
                got += more
        except ConnectionResetError:
            pass

    assert got == b"" or got.startswith(b"HTTP/1.")
    assert b"Traceback" not in got
    assert endpoint.works()


def test_nothing_that_was_asked_left_a_traceback_in_the_log(endpoint):
    assert endpoint.works()
    assert "Traceback" not in endpoint.log.read_text(), endpoint.log.read_text()[-3000:]
