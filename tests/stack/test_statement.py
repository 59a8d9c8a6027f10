"""Where the parts of a statement lie."""

import pytest

from stack.clickhouse.statement import Insert, Kill, Malformed, Other, Select, parse, with_processes, words


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"INSERT INTO t FORMAT TSV\n1\n", b"1\n"),
        (b"INSERT INTO t FORMAT TSV 1\n", b"1\n"),
        (b"INSERT INTO t FORMAT TSV\r\n1\n", b"1\n"),
        (b"INSERT INTO t FORMAT TSV\n\n1\n", b"\n1\n"),
        (b"insert into t (a, b) settings x = 'FORMAT' format TSV\n1\n", b"1\n"),
        (b"/* FORMAT CSV */ INSERT INTO t -- VALUES\n FORMAT TSV\n'\xff\x00", b"'\xff\x00"),
        (b"INSERT INTO d.format FORMAT TSV\n1", b"1"),
        (b"INSERT INTO `FORMAT` FORMAT TSV\n1", b"1"),
        (b"INSERT INTO FUNCTION f('FORMAT', x) FORMAT TSV\n1", b"1"),
    ],
)
def test_the_rows_of_an_insert_begin_after_the_line_of_its_format(text, rows):
    insert = parse(text)
    assert isinstance(insert, Insert)
    assert insert.format == "TSV"
    assert text[insert.data_start :] == rows
    assert "FORMAT TSV" not in insert.head


def test_the_rows_of_values_begin_at_the_first_parenthesis():
    text = b"INSERT INTO t (a) VALUES (1),(2)"
    insert = parse(text)
    assert insert == Insert("INSERT INTO t (a) ", "Values", text.index(b" (1)"))


@pytest.mark.parametrize(
    "text", [b"INSERT INTO t SELECT 1", b"INSERT INTO t (a) WITH 1 AS x SELECT x", b"INSERT INTO t"]
)
def test_an_insert_without_rows_is_run_as_it_is(text):
    assert parse(text) == Other("INSERT")


def test_a_select_is_taken_apart_at_its_format():
    assert parse(b"SELECT 1 FORMAT CSV SETTINGS a = 1 ;") == Select("SELECT 1 ", "CSV", " SETTINGS a = 1")
    assert parse(b"SELECT 'FORMAT TSV', (SELECT 1) -- FORMAT x") == Select("SELECT 'FORMAT TSV', (SELECT 1)", "", "")
    assert parse(b"SELECT format FROM t") == Select("SELECT format FROM t", "", "")
    assert parse(b"WITH 1 AS x SELECT x FORMAT Null") == Select("WITH 1 AS x SELECT x ", "Null", "")


def test_a_kill_is_its_condition_its_mode_and_its_format():
    assert parse(b"KILL QUERY WHERE a = 'SYNC' SYNC") == Kill(" a = 'SYNC' ", "SYNC", "")
    assert parse(b"kill query where 1 test format CSV;") == Kill(" 1 ", "TEST", "CSV")
    assert parse(b"KILL QUERY WHERE 1") == Kill(" 1", "ASYNC", "")


@pytest.mark.parametrize(
    "text", [b"", b"  -- nothing", b"SELECT 1; SELECT 2", b"SELECT 'a", b"SELECT `a", b"SELECT 1 /*"]
)
def test_anything_but_one_whole_statement_is_refused(text):
    with pytest.raises(Malformed):
        parse(text)


def test_the_names_of_a_statement_leave_out_its_strings():
    assert list(words(b"SELECT `a b`, 'file', $$file$$, \"c\" -- file")) == [b"SELECT", b"a b", b"c"]


def test_the_table_of_processes_is_replaced_where_it_is_a_table():
    select = parse(b"SELECT 'system.processes' FROM system . processes, SYSTEM.PROCESSES AS b")
    assert isinstance(select, Select)
    replaced = with_processes(select, lambda: "SELECT 1")
    assert replaced.head == "SELECT 'system.processes' FROM (SELECT 1), (SELECT 1) AS b"
