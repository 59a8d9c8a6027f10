"""Stock clients find a ClickHouse server here."""

import asyncio
import datetime
import shutil
import subprocess
import uuid

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.clickhouse import ANALYST, WRITER

ROWS = [
    [n, "x" * n, datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.UTC), uuid.UUID(int=n), ["a"] * n, None]
    for n in range(1, 1001)
]
COLUMNS = "n UInt64, s String, at DateTime64(3, 'UTC'), id UUID, tags Array(String), maybe Nullable(Int8)"


def client_of(port: int, user: str):
    name, password = user.split(":")
    return clickhouse_connect.get_client(host="127.0.0.1", port=port, username=name, password=password)


@pytest.fixture
def client(clickhouse_port):
    client = client_of(clickhouse_port, WRITER)
    client.command(f"CREATE TABLE taptrail.things ({COLUMNS}) ENGINE = MergeTree ORDER BY n")
    yield client
    client.command("DROP TABLE taptrail.things SYNC")
    client.close()


def test_rows_come_back_as_they_were_inserted(client):
    summary = client.insert("taptrail.things", ROWS, column_names=["n", "s", "at", "id", "tags", "maybe"])

    assert summary.written_rows == 1000
    came_back = client.query("SELECT * FROM taptrail.things ORDER BY n", tz_mode="aware").result_rows
    assert came_back == [tuple(row) for row in ROWS]


def test_arrow_goes_both_ways(client):
    client.insert_arrow("taptrail.things", pa.table({"n": pa.array([1, 2], pa.uint64()), "s": ["a", "b"]}))

    table = client.query_arrow("SELECT n, s FROM taptrail.things ORDER BY n")
    assert table.column("n").to_pylist() == [1, 2]


def test_parameters_are_bound(client):
    evil = "a'b\\c\td\ne`\"; DROP TABLE taptrail.things"
    assert client.query("SELECT {s:String}", parameters={"s": evil}).first_row == (evil,)
    assert client.query("SELECT %(s)s", parameters={"s": evil}).first_row == (evil,)
    assert client.query("SELECT {n:Array(UInt8)}", parameters={"n": [1, 2]}).first_row == ([1, 2],)


def test_a_command_gives_its_value(client):
    assert client.command("SELECT count() FROM taptrail.things") == 0
    assert client.command("EXISTS TABLE taptrail.things") == 1
    assert client.server_version.count(".") >= 3


def test_settings_hold_for_their_query_alone(client):
    assert client.query("SELECT getSetting('max_threads')", settings={"max_threads": 3}).first_row == (3,)
    assert client.query("SELECT getSetting('max_threads') = 3").first_row == (0,)


def test_large_results_stream(client):
    rows = 0
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1500000)") as blocks:
        for block in blocks:
            rows += len(block)
    assert rows == 1_500_000


def test_errors_name_their_code(client):
    with pytest.raises(DatabaseError, match="code: 60"):
        client.query("SELECT * FROM taptrail.nowhere")
    with pytest.raises(DatabaseError, match="395"):
        client.query("SELECT throwIf(number = 9000000) FROM numbers(10000000)")


def test_a_wrong_password_is_refused(clickhouse_port):
    with pytest.raises(DatabaseError, match="516"):
        client_of(clickhouse_port, "taptrail:wrong")


def test_the_analyst_reads_with_the_same_client(client, clickhouse_port):
    analyst = client_of(clickhouse_port, ANALYST)

    assert analyst.query("SELECT count() FROM taptrail.things").first_row == (0,)
    with pytest.raises(DatabaseError, match="164"):
        analyst.insert("taptrail.things", [[1]], column_names=["n"])
    analyst.close()


async def test_the_async_client_runs_queries_side_by_side(clickhouse_port):
    name, password = WRITER.split(":")
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=clickhouse_port, username=name, password=password
    )
    began = asyncio.get_running_loop().time()

    await asyncio.gather(*(client.query("SELECT sleep(0.5)") for _ in range(4)))

    assert asyncio.get_running_loop().time() - began < 1.5
    await client.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_asks_in_one_line(clickhouse_port):
    def curl(*words: str) -> str:
        return subprocess.run(["curl", "-sS", *words], capture_output=True, text=True, check=True).stdout

    url = f"http://{ANALYST}@127.0.0.1:{clickhouse_port}/"
    assert curl(url, "-d", "EXISTS TABLE taptrail.clicks") == "1\n"
    assert curl(f"{url}?query=SELECT+1") == "1\n"
    assert curl("--compressed", f"{url}?query=SELECT+1&enable_http_compression=1") == "1\n"
    assert "Empty query" in curl(url, "--data-binary", "@/dev/null")
