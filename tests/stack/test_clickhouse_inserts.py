"""An INSERT takes effect once and whole, or not at all."""

import asyncio
import io

import pyarrow as pa
import pytest

from tests.stack.conftest import begun
from tests.support.clickhouse import head_of

ROWS = 200_000


def arrow_stream(rows: int, batches: int = 1) -> bytes:
    sink = io.BytesIO()
    schema = pa.schema([("n", pa.uint64()), ("s", pa.string())])
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in range(batches):
            numbers = range(batch * rows // batches, (batch + 1) * rows // batches)
            writer.write_batch(pa.record_batch([pa.array(numbers, pa.uint64()), ["x" * 20] * len(numbers)], schema))
    return sink.getvalue()


async def test_one_insert_is_one_part(writer, table):
    for batches in (1, 40):
        said = await writer(arrow_stream(500_000, batches), query="INSERT INTO scratch FORMAT ArrowStream")
        assert said.status == 200, said.text

    parts = await writer("SELECT groupArray(rows) FROM system.parts WHERE table = 'scratch' AND level = 0")
    assert parts.text == "[500000,500000]"


async def test_a_chunked_insert_is_one_part_too(writer, table):
    body = arrow_stream(ROWS)

    async def pieces():
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    assert (await writer(pieces(), query="INSERT INTO scratch FORMAT ArrowStream")).status == 200
    assert (await writer("SELECT count(), uniqExact(_part) FROM scratch")).text == f"{ROWS}\t1"


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("format_name", ["ArrowStream", "JSONEachRow", "RowBinary"])
async def test_a_body_that_stops_short_of_its_length_inserts_nothing(writer, table, clickhouse_port, cut, format_name):
    body = (
        arrow_stream(ROWS) if format_name == "ArrowStream"
        else b'{"n":1,"s":"x"}\n' * ROWS if format_name == "JSONEachRow"
        else (b"\1" + bytes(7) + b"\1x") * ROWS
    )  # fmt: skip
    head = head_of(clickhouse_port, f"INSERT INTO scratch FORMAT {format_name}", f"Content-Length: {len(body)}")

    answer = await _send_and_close(clickhouse_port, head + body[: int(len(body) * cut)])

    assert b"200 OK" not in answer
    assert await _settled_count(writer) == 0


@pytest.mark.parametrize("end", [b"", b"0", b"0\r\n"])
async def test_a_chunked_body_without_its_end_inserts_nothing(writer, table, clickhouse_port, end):
    head = head_of(clickhouse_port, "INSERT INTO scratch FORMAT TSV", "Transfer-Encoding: chunked")
    chunk = b"1\ta\n" * 1000

    answer = await _send_and_close(clickhouse_port, head + b"%x\r\n%s\r\n" % (len(chunk), chunk) + end)

    assert b"200 OK" not in answer
    assert await _settled_count(writer) == 0


async def test_a_whole_body_of_the_same_kind_is_inserted(writer, table, clickhouse_port):
    head = head_of(clickhouse_port, "INSERT INTO scratch FORMAT TSV", "Transfer-Encoding: chunked")
    chunk = b"1\ta\n" * 1000

    reader, sender = await asyncio.open_connection("127.0.0.1", clickhouse_port)
    sender.write(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(chunk), chunk))

    assert b"200 OK" in await reader.readline()
    sender.close()
    assert await _settled_count(writer) == 1000


async def test_rows_that_do_not_parse_insert_nothing(writer, table):
    bad = b'{"n":1,"s":"x"}\n' * 1000 + b'{"n":"many","s":"x"}\n'
    refused = await writer(bad, query="INSERT INTO scratch FORMAT JSONEachRow")
    assert (refused.status, refused.code) == (400, "27")

    refused = await writer(arrow_stream(ROWS)[:-5000], query="INSERT INTO scratch FORMAT ArrowStream")
    assert refused.status != 200

    assert (await writer("SELECT count() FROM scratch")).text == "0"


async def test_a_body_of_hundreds_of_megabytes_is_taken(writer, table):
    body = arrow_stream(6_000_000, batches=12)
    assert len(body) > 180_000_000

    said = await writer(body, query="INSERT INTO scratch FORMAT ArrowStream")

    assert said.status == 200, said.text
    assert (await writer("SELECT count(), uniqExact(n) FROM scratch")).text == "6000000\t6000000"


async def _send_and_close(port: int, data: bytes) -> bytes:
    """Send, say that nothing more will come, read what is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    writer.write_eof()
    try:
        async with asyncio.timeout(3):
            return await reader.read()
    except TimeoutError:
        return b""
    finally:
        writer.close()


async def _settled_count(writer) -> int:
    """Rows once no statement runs any more."""
    await begun(writer, "query NOT LIKE 'KILL%'", 0)
    return int((await writer("SELECT count() FROM scratch")).text)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param("n UInt64, CONSTRAINT small CHECK n < 5", id="a constraint"),
        pytest.param("n UInt64, m UInt64 DEFAULT throwIf(n > 5)", id="a default that throws"),
    ],
)
async def test_what_fails_behind_the_parser_is_refused_and_inserts_nothing(writer, columns):
    await writer(f"CREATE TABLE strict ({columns}) ENGINE = MergeTree ORDER BY n")
    try:
        said = await writer("1\n9\n", query="INSERT INTO strict (n) FORMAT TSV")

        assert said.status != 200
        assert (await writer("SELECT count() FROM strict")).text == "0"
    finally:
        await writer("DROP TABLE strict SYNC")


async def test_an_insert_into_too_many_parts_is_refused(writer):
    await writer(
        "CREATE TABLE crowded (n UInt64) ENGINE = MergeTree ORDER BY n"
        " SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1"
    )
    try:
        await writer("SYSTEM STOP MERGES crowded")
        codes = [(await writer("1\n", query="INSERT INTO crowded FORMAT TSV")).code for _ in range(4)]

        assert codes[-1] == "252"
        assert (await writer("SELECT count() FROM crowded")).text == str(codes.count(""))
    finally:
        await writer("DROP TABLE crowded SYNC")


async def test_an_insert_takes_its_settings(writer, table):
    said = await writer(
        "1\tx\nbad\n", query="INSERT INTO scratch SETTINGS input_format_allow_errors_num = 1 FORMAT TSV"
    )

    assert said.status == 200, said.text
    assert (await writer("SELECT count() FROM scratch")).text == "1"
