"""What SQL cannot reach: files of this machine, the network, secrets of the process, what others ask."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stack.clickhouse.reach import Reach
from stack.clickhouse.sandbox import ENGINE_ID
from tests.support.clickhouse import ANALYST, WRITER

PASSWORDS = [user.partition(":")[2] for user in (WRITER, ANALYST)]
_SECRET = "/etc/hostname"  # in a statement, for the path of the file
SECRET = "6b1f0c9e-the-code-key"
KNOWN = ("file", "url", "remote", "s3", "filesystem", "numbers", "values", "view", "merge", "executable")


def data_of(clickhouse_pid):
    return Path(Path(f"/proc/{clickhouse_pid}/cmdline").read_bytes().split(b"\0--data\0")[1].split(b"\0")[0].decode())


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("secret") / "credentials"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT * FROM "system"."processes"',
        "SELECT * FROM system.`processes`",
        'SELECT * FROM "s\\x79stem".user_query_log',
        "SELECT * FROM system.user_query_log",
        "SELECT * FROM system.statements",
        "SELECT * FROM system.user_processes",
        "SHOW PROCESSLIST",
        "SELECT * FROM filesystem('/etc')",
        "DESCRIBE filesystem('/etc')",
        "SELECT count() FROM clicks SETTINGS output_format_schema = '/tmp/leak'",
    ],
)
async def test_the_analyst_does_not_see_what_others_ask_nor_the_file_system(analyst, writer, sql):
    said = await analyst(sql)

    assert said.status != 200 or "analyst" in said.text, said.text
    assert "writer" not in said.text


@pytest.mark.parametrize("header", [{}, {"X-ClickHouse-Database": "system"}])
async def test_the_analyst_cannot_make_system_her_database(analyst, header):
    name, _, password = ANALYST.partition(":")
    headers = {"X-ClickHouse-User": name, "X-ClickHouse-Key": password, **header}
    arguments = {"database": ""} if header else {"database": "system"}

    assert (await analyst("SELECT query FROM processes", headers=headers, **arguments)).code == "164"


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN QUERY TREE {0}",
        "EXPLAIN PLAN actions = 1 {0}",
        "DESCRIBE TABLE ({0})",
        "SHOW TABLES WHERE name = ({0})",
        'EXPLAIN PLAN actions = 1 SELECT (SELECT groupArray(query) FROM "system"."processes")',
    ],
)
async def test_no_statement_but_a_select_asks_the_engines_own_processes(analyst, sql):
    said = await analyst(sql.format("SELECT (SELECT toString(groupArray(query)) FROM system.processes)"))

    assert (said.code, "by a SELECT alone" in said.text) == ("164", True)


@pytest.mark.parametrize(
    "tail",
    ["; SELECT 'x' INTO OUTFILE '{}'", " SETTINGS max_threads = 3", " -- x", "; SELECT query FROM system.processes"],
)
async def test_a_default_format_is_a_name_and_no_statement(analyst, writer, tail, clickhouse_pid):
    written = data_of(clickhouse_pid) / "owned"

    for ask in (analyst, writer):
        said = await ask("SELECT 1", default_format="TSV" + tail.format(written))
        assert (said.code, written.exists()) == ("36", False)


async def test_a_format_that_is_a_keyword_too_is_the_analysts_to_use(analyst):
    assert (await analyst("SELECT 1 FORMAT Null")).status == 200


async def test_a_name_given_as_a_parameter_is_refused(analyst):
    for kind in ("Identifier", "identifier", " Identifier "):
        said = await analyst("SELECT * FROM system.{t:" + kind + "}", param_t="processes")
        assert said.status != 200


@pytest.mark.parametrize(
    "name", ["output_format_schema", "format_schema", "format_template_row", "output_format_avro_confluent_subject"]
)
async def test_a_setting_that_can_name_a_file_is_refused_by_its_name(analyst, tmp_path, name):
    said = await analyst("SELECT 1 AS a FORMAT CapnProto", **{name: str(tmp_path / "leaked")})

    assert said.status != 200
    assert not (tmp_path / "leaked").exists()


async def test_without_a_database_the_analyst_asks_the_clicks(analyst):
    assert (await analyst("SELECT count() FROM clicks", database="")).status == 200


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('/etc/hostname')",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "INSERT INTO dead_clicks (reason) FROM INFILE '/etc/hostname' FORMAT TSV",
        "SELECT 1 INTO OUTFILE '/tmp/taptrail-leak'",
        "INSERT INTO FUNCTION file('/tmp/taptrail-leak', 'TSV', 'a Int8') SELECT 1",
        "INSERT INTO FUNCTION file('/tmp/taptrail-leak', 'TSV', 'a Int8') FORMAT TSV\n1\n",
        "INSERT INTO FUNCTION `fi\\x6ce`('/tmp/taptrail-leak', 'TSV', 'a Int8') VALUES (1)",
        "INSERT INTO FUNCTION url('http://127.0.0.1:9/', 'TSV', 'a Int8') FORMAT TSV\n1\n",
        "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
    ],
)
async def test_the_writer_reads_and_writes_no_file_and_connects_to_nothing(writer, secret_file, sql):
    said = await writer(sql.replace(_SECRET, str(secret_file)))

    assert said.status != 200
    assert SECRET not in said.text
    assert not os.path.exists("/tmp/taptrail-leak")  # noqa: ASYNC240


async def test_rows_of_the_writer_go_into_tables_and_into_no_file_of_the_engine(writer, clickhouse_pid):
    written = data_of(clickhouse_pid) / "owned"

    for source in ("FORMAT TSV\n1\n", "VALUES (1)"):
        said = await writer(f"INSERT INTO FUNCTION file('{written}', 'TSV', 'a Int8') {source}")
        assert (said.code, written.exists()) == ("164", False)


def test_the_process_has_no_secret_in_its_environment(clickhouse_pid):
    environ = Path(f"/proc/{clickhouse_pid}/environ").read_bytes().decode()

    assert not [password for password in PASSWORDS if password in environ]
    assert "TAPTRAIL_CODE_KEY" not in environ


@pytest.mark.skipif(os.getuid() != 0, reason="started by root alone it has a user of its own")
def test_under_root_the_process_has_a_user_of_its_own(clickhouse_pid):
    status = Path(f"/proc/{clickhouse_pid}/status").read_text()

    assert f"Uid:\t{ENGINE_ID}" in status


def test_the_data_is_for_its_owner_alone(clickhouse_server, clickhouse_pid):
    data = data_of(clickhouse_pid)

    readable = [
        path
        for path in (data, *data.rglob("*"))
        if path.name != "log" and not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]

    assert readable == [], [(str(path), oct(path.stat().st_mode)) for path in readable[:5]]


@pytest.mark.parametrize(
    "canonical",
    [
        b"SELECT file('x')",
        b"SELECT * APPLY file FROM t",
        b"SELECT * FROM url('x')",
        b"SELECT * FROM newReader('x')",
        b"SELECT * FROM {t:Identifier}",
        b"SELECT `a\\x62` FROM t",
        b"SELECT * FROM system.user_query_log",
        b"SHOW PROCESSLIST",
        b"SELECT aiClassify('x')",
    ],
)
def test_what_is_out_of_reach_is_named(canonical):
    assert Reach([*KNOWN, "newReader"]).fault_of_analyst(canonical) != ""


@pytest.mark.parametrize(
    "canonical",
    [
        b"SELECT count() AS url, `we ird` FROM clicks WHERE referrer_host = 'file' GROUP BY ALL",
        b"SELECT * FROM numbers(3)",
        b"SELECT {p:String}",
        b"SELECT name FROM system.columns",
        b"SHOW TABLES",
    ],
)
def test_what_analysts_write_is_in_reach(canonical):
    assert Reach(KNOWN).fault_of_analyst(canonical) == ""


# Statements around one thing that must stay out of reach, written in as many ways as SQL has.
_NAMES = st.sampled_from(["file", "File", "FILE", "f\\x69le", "f\\u0069le", "fi\\le", "filesystem", "url", "python"])
_QUOTES = st.sampled_from(["{}", "`{}`", '"{}"', "\u201c{}\u201d", "/*a*/{}/*b*/", "--\n{}\n"])
_TABLES = st.sampled_from(["processes", "user_query_log", "user_processes", "statements", "session_query_ids"])
_CALLS = st.sampled_from(
    [
        "SELECT {0}('{1}')",
        "SELECT * FROM {0}('{1}', 'LineAsString')",
        "SELECT arrayMap(x -> {0}(x), ['{1}'])",
        "SELECT * APPLY({0}) FROM (SELECT '{1}' AS a)",
        "WITH '{1}' AS a SELECT {0}(a)",
        "SELECT (SELECT {0}('{1}'))",
        "DESCRIBE {0}('{1}', 'LineAsString')",
        "EXPLAIN {0}('{1}')",
        "SELECT * FROM view(SELECT {0}('{1}') AS a)",
        "SELECT 1 UNION ALL SELECT length({0}('{1}'))",
        "SELECT $${0}$$, {0}('{1}')",
    ]
)
_READS = st.sampled_from(
    [
        "SELECT * FROM {0}.{1}",
        "SELECT query FROM {0} . {1} LIMIT 5",
        "DESCRIBE {0}.{1}",
        "WITH x AS (FROM {0}.{1} SELECT *) SELECT * FROM x",
    ]
)
_FUNCTIONS = st.builds(lambda call, quote, name: call.format(quote.format(name), _SECRET), _CALLS, _QUOTES, _NAMES)
_SYSTEM = st.builds(
    lambda read, quote, other, table: read.format(quote.format("system"), other.format(table)),
    _READS, _QUOTES, _QUOTES, _TABLES,
)  # fmt: skip


@given(sql=st.one_of(_FUNCTIONS, _SYSTEM))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_way_of_writing_a_statement_reaches_a_file_or_what_others_ask(analyst, secret_file, sql):
    said = await analyst(sql.replace(_SECRET, str(secret_file)))

    assert SECRET not in said.text
    assert "taptrail:" not in said.text
    assert said.status != 200 or "DESCRIBE" in sql or "processes" in sql, (sql, said.text)
    assert "formatQuery" not in said.text
