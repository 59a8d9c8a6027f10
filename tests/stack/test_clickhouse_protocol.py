"""ClickHouse's HTTP interface, rule by rule, on the wire."""

import asyncio
import base64
import gzip
import json
import zlib

import aiohttp
import lz4.frame
import psutil
import pytest
import zstandard

from tests.stack.conftest import begun
from tests.support.clickhouse import ANALYST, WRITER


async def test_ping_needs_no_password(session, clickhouse_port):
    async with session.get(f"http://127.0.0.1:{clickhouse_port}/ping") as response:
        assert (response.status, await response.text()) == (200, "Ok.\n")


async def test_a_query_is_the_parameter_the_body_or_both_in_this_order(writer):
    assert (await writer(query="SELECT 1")).text == "1"
    assert (await writer("SELECT 2")).text == "2"
    assert (await writer("+ 1", query="SELECT 2")).text == "3"


async def test_an_insert_takes_its_rows_from_the_body_after_the_statement(writer, table):
    await writer(b'{"n":1,"s":"a"}\n', query="INSERT INTO scratch FORMAT JSONEachRow")
    await writer(b'INSERT INTO scratch FORMAT JSONEachRow\n{"n":2,"s":"b"}\n')
    await writer(b"(3,'c'),(2+2,'d;')", query="INSERT INTO scratch VALUES")
    await writer("INSERT INTO scratch (n, s) SELECT 5, 'e'")

    assert (
        await writer("SELECT groupArray(s) FROM (SELECT s FROM scratch ORDER BY n)")
    ).text == "['a','b','c','d;','e']"


async def test_get_reads_and_changes_nothing(writer, table):
    assert (await writer(method="GET", query="SELECT count() FROM scratch")).text == "0"

    for statement in (
        "INSERT INTO scratch VALUES (1, 'a')",
        "DROP TABLE scratch",
        "CREATE TABLE x (a Int8) ENGINE=Memory",
    ):
        refused = await writer(method="GET", query=statement)
        assert (refused.status, refused.code) == (500, "164"), statement
    assert (await writer("SELECT count() FROM scratch")).text == "0"


@pytest.mark.parametrize("format_name", ["JSONEachRow", "CSV", "JSONCompact"])
async def test_the_format_comes_from_the_statement_the_parameter_or_the_header(writer, format_name):
    expected = {"JSONEachRow": b'{"x":1}\n', "CSV": b"1\n"}

    said = [
        await writer(f"SELECT 1 AS x FORMAT {format_name}"),
        await writer("SELECT 1 AS x", default_format=format_name),
    ]

    for one in said:
        assert one.headers["X-ClickHouse-Format"] == format_name
        assert one.body == expected.get(format_name, one.body)
    assert json.loads((await writer("SELECT 1 AS x FORMAT JSONCompact")).body)["data"] == [[1]]


async def test_a_settings_clause_may_follow_the_format(writer):
    said = await writer("SELECT getSetting('max_threads') AS x FORMAT CSV SETTINGS max_threads = 3 -- so\n;")
    assert said.text == "3"


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        ("String", "a'b", "a'b"),
        ("String", "'; DROP TABLE links; --", "'; DROP TABLE links; --"),
        ("String", "tab\\tline\\nback\\\\slash", "tab\tline\nback\\slash"),
        ("String", "", ""),
        ("UInt64", "18446744073709551615", 18446744073709551615),
        ("Array(String)", "['a','b\\'c']", ["a", "b'c"]),
        ("Nullable(String)", "\\N", None),
    ],
)
async def test_a_parameter_is_a_value_and_never_sql(writer, kind, given, meant):
    settings = {"output_format_json_quote_64bit_integers": "0"}
    said = await writer(f"SELECT {{x:{kind}}} FORMAT JSONCompactEachRow", param_x=given, **settings)
    assert json.loads(said.body) == [meant]


async def test_a_value_that_is_not_of_the_parameters_type_is_refused(writer):
    refused = await writer("SELECT {x:UInt8}", param_x="1 OR 1")
    assert (refused.status, refused.code) == (400, "457")


async def test_a_database_that_does_not_exist_is_refused(writer):
    refused = await writer("SELECT 1", database="nowhere")
    assert (refused.status, refused.code) == (404, "81")


async def test_settings_of_one_request_never_reach_the_next(writer):
    sql = "SELECT getSetting('max_threads') = 1, getSetting('insert_deduplication_token')"
    for _ in range(20):
        told = await writer(sql, max_threads="1", insert_deduplication_token="t")
        assert told.body == b"1\tt\n"
    await writer("SET max_threads = 1")

    said = await asyncio.gather(*(writer(sql) for _ in range(20)))

    assert {one.body for one in said} == {b"0\t\n"}


async def test_a_deduplication_token_holds_for_its_own_insert_only(writer):
    await writer(
        "CREATE TABLE tokens (n Int8) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 9"
    )

    for token in ({"insert_deduplication_token": "t"}, {"insert_deduplication_token": "t"}, {}, {}):
        await writer(
            b"1\n", query="INSERT INTO tokens SETTINGS async_insert=0 FORMAT TSV", deduplicate_insert="enable", **token
        )

    count = int((await writer("SELECT count() FROM tokens")).text)
    await writer("DROP TABLE tokens SYNC")
    # With a token that stuck, the third insert would be dropped as well; the fourth repeats the third by its content.
    assert count == 2


async def test_the_name_of_a_setting_cannot_carry_sql(writer):
    refused = await writer("SELECT 1", **{"max_threads=1, x": "1"})
    assert (refused.status, refused.code) == (400, "36")


async def test_an_unknown_setting_is_refused_by_name(writer):
    refused = await writer("SELECT 1", max_thraeds="1")
    assert (refused.status, refused.code) == (404, "115")
    assert "max_thraeds" in refused.text


ENCODINGS = {
    "gzip": (gzip.compress, gzip.decompress),
    "zstd": (zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    "lz4": (lz4.frame.compress, lz4.frame.decompress),
    "deflate": (zlib.compress, zlib.decompress),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_bodies_are_taken_and_given_compressed(session, clickhouse_port, encoding):
    compress, decompress = ENCODINGS[encoding]
    headers = {"Content-Encoding": encoding, "Accept-Encoding": encoding, "Authorization": _basic(WRITER)}
    url = f"http://127.0.0.1:{clickhouse_port}/?enable_http_compression=1"

    for rows in (3, 3_000_000):  # an answer sent whole, and one sent as it is made
        sql = compress(f"SELECT number FROM numbers({rows})".encode())
        async with session.post(url, data=sql, headers=headers) as response:
            assert response.headers["Content-Encoding"] == encoding
            lines = decompress(await response.read()).splitlines()
        assert (len(lines), lines[-1]) == (rows, b"%d" % (rows - 1))


async def test_an_answer_is_not_compressed_unless_asked_for(writer):
    assert "Content-Encoding" not in (await writer("SELECT 1")).headers


async def test_a_body_that_is_not_what_its_encoding_says_is_refused(writer, table):
    for encoding, body in (("gzip", b"nonsense"), ("gzip", gzip.compress(b"1\ta\n" * 9999)[:-20]), ("rot13", b"1")):
        headers = {"Content-Encoding": encoding, "Authorization": _basic(WRITER)}
        refused = await writer(body, headers=headers, query="INSERT INTO taptrail.scratch FORMAT TSV")
        assert refused.code in ("271", "89"), (encoding, refused.text)
    assert (await writer("SELECT count() FROM scratch")).text == "0"


async def test_an_error_carries_its_code_its_text_and_a_fitting_status(writer):
    for sql, status, code in (
        ("SELECT nope", 404, "47"),
        ("SELECT * FROM nope", 404, "60"),
        ("SELEC", 400, "62"),
        ("SELECT 1; SELECT 2", 400, "62"),
        ("SELECT 'open", 400, "62"),
        ("SELECT throwIf(1)", 500, "395"),
        ("SELECT 1 FORMAT Nope", 404, "73"),
        ("INSERT INTO nope FORMAT TSV\n1", 404, "60"),
        ("SELECT count() FROM numbers(1e12) SETTINGS max_execution_time = 0.1", 408, "159"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, "164"),
    ):
        refused = await writer(sql)
        assert (refused.status, refused.code) == (status, code), (sql, refused.text)
        assert refused.text.startswith(f"Code: {code}. DB::Exception: ")


async def test_a_summary_counts_what_was_read_and_written(writer, table):
    written = await writer(b"1\ta\n2\tb\n", query="INSERT INTO scratch FORMAT TSV")
    read = await writer("SELECT * FROM scratch")

    assert json.loads(written.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert json.loads(read.headers["X-ClickHouse-Summary"])["read_rows"] == "2"


async def test_every_answer_names_its_query_the_server_and_the_time_zone(writer):
    said = await writer("SELECT 1", query_id="mine")
    assert said.headers["X-ClickHouse-Query-Id"] == "mine"
    assert said.headers["X-ClickHouse-Server-Display-Name"]
    assert said.headers["X-ClickHouse-Timezone"]


def _basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


async def test_a_password_comes_by_header_basic_or_parameter(writer):
    name, password = WRITER.split(":")

    assert (await writer("SELECT 1", headers={"Authorization": _basic(WRITER)})).status == 200
    assert (await writer("SELECT 1", headers={}, user=name, password=password)).status == 200
    assert (await writer("SELECT 1", headers={"X-ClickHouse-User": name, "X-ClickHouse-Key": password})).status == 200


async def test_a_wrong_password_is_refused_with_code_516(writer):
    name, analyst = WRITER.split(":")[0], ANALYST.split(":")[1]
    for headers, arguments in (
        ({}, {}),
        ({}, {"user": name, "password": "wrong"}),
        ({}, {"user": name, "password": analyst}),
        ({"X-ClickHouse-User": name}, {}),
        ({"Authorization": _basic("nobody:x")}, {}),
        ({"Authorization": "Basic %%%"}, {}),
        ({"Authorization": "Bearer x"}, {}),
        ({"X-ClickHouse-User": name, "X-ClickHouse-Key": "schlüssel"}, {}),
    ):
        refused = await writer("SELECT 1", headers=headers, **arguments)
        assert (refused.status, refused.code) == (403, "516")


async def test_a_large_answer_streams_in_bounded_memory(writer, session, clickhouse_port, clickhouse_pid):
    before = psutil.Process(clickhouse_pid).memory_info().rss
    sql = b"SELECT number, repeat('x', 100) AS x FROM numbers(5000000) FORMAT JSONEachRow"
    url, headers = f"http://127.0.0.1:{clickhouse_port}/", {"Authorization": _basic(WRITER)}

    async with session.post(url, data=sql, headers=headers) as response:
        first = await response.content.readline()
        running = await writer("SELECT count() FROM system.processes WHERE query LIKE '%numbers(5000000)%'")
        grown = psutil.Process(clickhouse_pid).memory_info().rss - before
        size = len(first)
        async for chunk in response.content.iter_any():
            size += len(chunk)

    assert json.loads(first) == {"number": 0, "x": "x" * 100}
    assert running.text == "2", "the answer began before its query had ended"
    assert size > 600_000_000
    assert max(grown, psutil.Process(clickhouse_pid).memory_info().rss - before) < 200_000_000


async def test_an_error_in_the_middle_of_a_large_answer_breaks_the_connection(session, clickhouse_port):
    sql = b"SELECT number, throwIf(number = 9000000) FROM numbers(10000000) SETTINGS max_block_size = 1000"
    async with session.post(
        f"http://127.0.0.1:{clickhouse_port}/", data=sql, headers={"Authorization": _basic(WRITER)}
    ) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_query_whose_client_has_left_stops(writer, session, clickhouse_port):
    sql = b"SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    request = session.post(f"http://127.0.0.1:{clickhouse_port}/", data=sql, headers={"Authorization": _basic(WRITER)})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(request, 0.5)

    await begun(writer, "query LIKE '%sipHash64(number)%'", 0)


async def test_a_header_field_has_a_bound_before_a_password_is_looked_at(session, clickhouse_port):
    url = f"http://127.0.0.1:{clickhouse_port}/?query=SELECT+1"

    async with session.get(url, headers={"X-Filling": "a" * 10_000}) as response:
        assert response.status == 400
