"""The analyst reads the product's tables within limits, and changes nothing by any way."""

import asyncio
import os

import pytest

from tests.stack.conftest import begun

SECRET = "/etc/hostname"


async def test_the_analyst_reads_describes_and_explains(analyst):
    for sql in (
        "SELECT count() FROM clicks",
        "WITH 1 AS x SELECT x",
        "FROM links SELECT count()",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SHOW TABLES",
        "SHOW CREATE TABLE clicks",
        "DESCRIBE TABLE clicks",
        "EXISTS TABLE clicks",
        "EXPLAIN SELECT count() FROM clicks",
        "SELECT name FROM system.columns WHERE table = 'clicks'",
        "SELECT number FROM numbers(3) FORMAT Native",
    ):
        said = await analyst(sql)
        assert said.status == 200, (sql, said.text)
        assert said.body or "count" not in sql


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO dead_clicks (lane) VALUES (1)",
        "INSERT INTO dead_clicks (lane) SELECT 1",
        "INSERT INTO dead_clicks (lane) FORMAT TSV\n1",
        "WITH 1 AS x INSERT INTO dead_clicks (lane) SELECT x",
        "/* SELECT */ INSERT INTO dead_clicks (lane) SELECT 1",
        "INSERT INTO dead_clicks (lane) SETTINGS readonly = 0 SELECT 1",
        "SELECT 1; INSERT INTO dead_clicks (lane) SELECT 1",
        "SELECT 1;; INSERT INTO dead_clicks (lane) VALUES (1)",
        "EXPLAIN SELECT 1; DROP TABLE dead_clicks",
        "CREATE TABLE mine (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE mine (a Int8)",
        "CREATE TABLE mine ENGINE = Memory AS SELECT 1",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE FUNCTION mine AS x -> x",
        "CREATE USER mine",
        "CREATE NAMED COLLECTION mine AS a = 1",
        "GRANT ALL ON *.* TO default",
        "ALTER TABLE dead_clicks DELETE WHERE 1",
        "ALTER TABLE dead_clicks ADD COLUMN x Int8",
        "DELETE FROM dead_clicks WHERE 1",
        "UPDATE dead_clicks SET lane = 2 WHERE 1",
        "DROP TABLE dead_clicks",
        "TRUNCATE TABLE dead_clicks",
        "OPTIMIZE TABLE dead_clicks FINAL",
        "DETACH TABLE dead_clicks",
        "RENAME TABLE dead_clicks TO mine",
        "EXCHANGE TABLES dead_clicks AND links",
        "ATTACH TABLE mine",
        "SET readonly = 0",
        "SET max_threads = 8",
        "SET ROLE writer",
        "SET ROLE ALL",
        "USE system",
        "EXECUTE AS default SELECT 1",
        "SYSTEM FLUSH LOGS",
        "SYSTEM STOP MERGES",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "KILL QUERY WHERE 1 SYNC",
        "KILL MUTATION WHERE 1",
        "BACKUP TABLE dead_clicks TO File('x')",
        "BEGIN TRANSACTION",
        "SELECT 1 INTO OUTFILE '{file}'",
        "SELECT 1 INTO OUTFILE '{file}' TRUNCATE",
        "SELECT 1 INTO/**/OUTFILE '{file}' FORMAT TSV --",
        "SELECT 1 INTO OUTFILE '{file}' /*",
        "SELECT 1 FORMAT TSV INTO OUTFILE '{file}'",
        "SHOW TABLES INTO OUTFILE '{file}'",
        "DESCRIBE TABLE clicks INTO OUTFILE '{file}'",
        "EXPLAIN SELECT 1 INTO OUTFILE '{file}'",
        "(SELECT 1 INTO OUTFILE '{file}')",
        "INSERT INTO FUNCTION file('{file}', 'TSV', 'a Int8') VALUES (1)",
        "INSERT INTO TABLE FUNCTION url('http://127.0.0.1:1/', 'TSV', 'a Int8') SELECT 1",
    ],
)
async def test_the_analyst_cannot_write(analyst, writer, tmp_path, sql):
    file = tmp_path / "leaked"
    count = "SELECT count(), (SELECT count() FROM system.tables WHERE database = 'taptrail') FROM dead_clicks"
    before = (await writer(count)).text

    for said in (await analyst(sql.format(file=file)), await analyst(query=sql.format(file=file))):
        assert said.status != 200
        assert said.code in ("62", "164", "497"), said.text

    assert not file.exists()
    assert (await writer(count)).text == before


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM file('{SECRET}', 'LineAsString')",
        f"SELECT * FROM \"file\"('{SECRET}', LineAsString)",
        f"SELECT file('{SECRET}')",
        f"SELECT `file`('{SECRET}')",
        f"SELECT f\\u0069le('{SECRET}')",
        f"SELECT \"f\\x69le\"('{SECRET}')",
        f"SELECT \u201cfile\u201d('{SECRET}')",
        f"SELECT \u00a0$$ ' $$, file('{SECRET}')",
        f"SELECT 1a$$ ' $$ ' , file('{SECRET}')",
        f"SELECT arrayMap(x -> file(x), ['{SECRET}'])",
        f"SELECT '{SECRET}' AS a APPLY file",
        f"SELECT * APPLY(file) FROM (SELECT '{SECRET}' AS a)",
        f"DESCRIBE file('{SECRET}', 'LineAsString')",
        f"EXPLAIN PLAN SELECT file('{SECRET}')",
        f"SELECT * FROM view(SELECT * FROM file('{SECRET}', 'LineAsString'))",
        f"SELECT 1 FORMAT Template SETTINGS format_template_row = '{SECRET}'",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'system.one')",
        "SELECT * FROM s3('http://127.0.0.1:1/b/x', 'LineAsString')",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM sqlite('/nowhere/x.db', 't')",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM python('os')",
        "SELECT * FROM Python(os)",
        "SELECT * FROM merge('system', '.*') LIMIT 1 SETTINGS max_rows_to_read = 0",
        "SELECT * FROM other.secrets",
    ],
)
async def test_the_analyst_reads_no_file_no_network_and_no_other_database(analyst, writer, sql):
    await writer("CREATE DATABASE IF NOT EXISTS other")
    await writer("CREATE TABLE IF NOT EXISTS other.secrets (a Int8) ENGINE = Memory")

    said = await analyst(sql)

    assert said.status != 200, said.text
    assert os.uname().nodename not in said.text


async def test_a_string_may_contain_words_that_a_statement_may_not(analyst):
    assert (await analyst("SELECT 'profile; INTO OUTFILE; python' FORMAT TSV")).text == "profile; INTO OUTFILE; python"


@pytest.mark.parametrize(
    "name", ["readonly", "max_result_rows", "max_execution_time", "max_memory_usage", "max_threads"]
)
async def test_the_analyst_cannot_lift_a_limit(analyst, name):
    ask = f"SELECT toUInt64(getSetting('{name}'))"
    limit = int((await analyst(ask)).text)
    assert limit > 0

    assert int((await analyst(ask, **{name: "0"})).text) == limit
    assert int((await analyst(ask, **{name: "1000000000000"})).text) == limit
    assert (await analyst(f"{ask} SETTINGS {name} = 0")).code == "164"
    assert (await analyst(f"{ask} FORMAT TSV SETTINGS {name} = 0")).code == "164"
    assert int((await analyst(f"SELECT * FROM ({ask} SETTINGS {name} = 0)")).text) == limit


async def test_the_analyst_may_ask_for_less(analyst):
    assert (await analyst("SELECT getSetting('max_execution_time')", max_execution_time="2")).text == "2"
    assert (await analyst("SELECT number FROM numbers(100)", max_result_rows="10")).code == "396"


@pytest.mark.parametrize(
    "name",
    ["dialect", "allow_introspection_functions", "format_schema", "format_template_row", "log_queries", "profile"],
)
async def test_the_analyst_sets_only_how_an_answer_looks(analyst, name):
    assert (await analyst("SELECT 1", output_format_json_quote_64bit_integers="1")).status == 200
    refused = await analyst("SELECT 1", **{name: "prql"})
    assert refused.code == "164"
    assert name in refused.text


async def test_a_query_of_the_analyst_ends_at_its_time(analyst):
    sql = "SELECT count() FROM numbers(4000000000) WHERE NOT ignore(sipHash64(number))"
    refused = await analyst(sql, max_execution_time="1")
    assert (refused.status, refused.code) == (408, "159")


async def test_a_query_of_the_analyst_ends_at_its_memory(analyst):
    refused = await analyst("SELECT groupArray(number) FROM numbers(1000000000)", max_memory_usage="100000000")
    assert refused.code == "241"


async def test_busy_analysts_keep_no_writer_waiting(analyst, writer):
    slow = "SELECT sleepEachRow(1) FROM numbers(3)"
    waiting = [asyncio.ensure_future(analyst(slow)) for _ in range(6)]
    await begun(writer, "query LIKE '%sleepEachRow(1)%'", 6)

    assert (await writer("SELECT 1")).text == "1"
    assert (await writer(b"1\n", query="INSERT INTO dead_clicks (lane) FORMAT TSV")).status == 200

    assert not any(one.done() for one in waiting)
    for one in waiting:
        one.cancel()
    await writer("TRUNCATE TABLE dead_clicks")
