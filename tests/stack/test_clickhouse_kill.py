"""After KILL QUERY ... SYNC, no statement it matched can still take effect."""

import asyncio
import json

from tests.stack.conftest import begun, inside_engine
from tests.support.clickhouse import head_of

SLOW = "SELECT sleepEachRow(0.1) FROM numbers(100) SETTINGS max_block_size = 1"


async def test_an_insert_that_still_receives_its_body_is_cancelled(writer, table, clickhouse_port):
    query = "INSERT INTO scratch FORMAT TSV&query_id=clicks:1"
    reader, sender = await asyncio.open_connection("127.0.0.1", clickhouse_port)
    sender.write(head_of(clickhouse_port, query, "Content-Length: 8") + b"1\ta\n")
    await sender.drain()

    killed = await writer("KILL QUERY WHERE query_id LIKE 'clicks:%' SYNC FORMAT JSONEachRow")
    sender.write(b"2\tb\n")

    assert json.loads(killed.body)["query_id"] == "clicks:1"
    assert json.loads(killed.body)["kill_status"] == "finished"
    answer = await reader.read(4096)
    assert b"X-ClickHouse-Exception-Code: 394" in answer
    assert (await writer("SELECT count() FROM scratch")).text == "0"
    sender.close()


async def test_a_request_of_which_only_the_headers_came_is_cancelled(writer, table, clickhouse_port):
    reader, sender = await asyncio.open_connection("127.0.0.1", clickhouse_port)
    sender.write(head_of(clickhouse_port, "INSERT INTO scratch FORMAT TSV&query_id=clicks:2", "Content-Length: 4"))
    await sender.drain()

    killed = await writer("KILL QUERY WHERE query_id = 'clicks:2' SYNC")

    assert killed.text.startswith("finished\tclicks:2\ttaptrail")
    assert b"394" in await reader.read(4096)
    sender.close()


async def test_an_insert_inside_the_engine_is_waited_for(writer, table):
    rows = b"".join(b"%d\tx\n" % n for n in range(3_000_000))
    inserting = asyncio.ensure_future(writer(rows, query="INSERT INTO scratch FORMAT TSV", query_id="clicks:3"))
    await inside_engine(writer, "clicks:3")

    await writer("KILL QUERY WHERE query_id LIKE 'clicks:%' SYNC")
    after_kill = (await writer("SELECT count() FROM scratch")).text

    assert (await inserting).status == 200
    assert after_kill == "3000000" == (await writer("SELECT count() FROM scratch")).text


async def test_a_select_inside_the_engine_is_stopped(writer):
    running = asyncio.ensure_future(writer(SLOW, query_id="slow"))
    await inside_engine(writer, "slow")

    async with asyncio.timeout(3):
        killed = await writer("KILL QUERY WHERE query_id = 'slow' SYNC")

    assert killed.text.startswith("finished\tslow")
    assert (await running).code == "394"


async def test_an_insert_select_is_stopped(writer, table):
    sql = "INSERT INTO scratch SELECT number, toString(sleepEachRow(0.1)) FROM numbers(100) SETTINGS max_block_size = 1"
    running = asyncio.ensure_future(writer(sql, query_id="slow"))
    await inside_engine(writer, "slow")

    async with asyncio.timeout(3):
        await writer("KILL QUERY WHERE query_id = 'slow' SYNC")

    assert (await running).status != 200
    assert (await writer("SELECT count() FROM scratch")).text == "0"


async def test_a_statement_that_waits_for_its_turn_is_cancelled(writer, table):
    running = [asyncio.ensure_future(writer(SLOW, query_id=f"slow:{n}")) for n in range(12)]
    await begun(writer, "query_id LIKE 'slow:%'", 12)

    async with asyncio.timeout(5):
        killed = await writer("KILL QUERY WHERE query_id LIKE 'slow:%' SYNC")

    assert len(killed.text.splitlines()) == 12
    assert {said.code for said in await asyncio.gather(*running)} == {"394"}


async def test_kill_query_leaves_statements_alone_that_do_not_match(writer):
    running = asyncio.ensure_future(writer("SELECT sleep(2)", query_id="other"))
    await begun(writer, "query_id = 'other'")

    assert (await writer("KILL QUERY WHERE query_id LIKE 'clicks:%' SYNC")).body == b""
    assert (await running).text == "0"


async def test_a_condition_that_is_wrong_kills_nothing(writer):
    assert (await writer("KILL QUERY WHERE nope = 1 SYNC")).code == "47"
    assert (await writer("KILL QUERY WHERE 1) OR (1 SYNC")).code == "62"


async def test_two_statements_of_one_query_id_cannot_run_at_a_time(writer):
    first = asyncio.ensure_future(writer("SELECT sleep(2)", query_id="twice"))
    await begun(writer, "query_id = 'twice'")

    assert (await writer("SELECT 1", query_id="twice")).code == "216"
    await first
    assert (await writer("SELECT 1", query_id="twice")).text == "1"


async def test_a_condition_takes_parameters(writer):
    running = asyncio.ensure_future(writer(SLOW, query_id="mint:'1"))
    await begun(writer, "startsWith(query_id, 'mint:')")

    killed = await writer("KILL QUERY WHERE startsWith(query_id, {id:String}) SYNC", param_id="mint:'")

    assert killed.text.startswith("finished\tmint:\\'1\ttaptrail")
    assert (await running).code == "394"


async def test_the_list_of_processes_shows_statements_by_the_id_their_client_gave(writer, analyst):
    running = asyncio.ensure_future(writer(SLOW, query_id="shown"))
    await inside_engine(writer, "shown")

    columns = "query_id, user, query, elapsed > 0"
    sql = f"SELECT {columns} FROM system.processes WHERE query_id != 'me' FORMAT JSONCompactEachRow"
    seen = await writer(sql, query_id="me")
    own = await analyst(sql, query_id="me")

    await writer("KILL QUERY WHERE query_id = 'shown' SYNC")
    # Whatever else uses this server may have a statement of its own there.
    assert ["shown", "taptrail", SLOW, 1] in [json.loads(line) for line in seen.body.splitlines()]
    assert own.body == b"", "an analyst sees no statement of another user"
    await running


async def test_an_analyst_cannot_keep_an_id_from_the_product(analyst, writer):
    slow = "SELECT sleepEachRow(0.1) FROM numbers(300)"
    sleeping = asyncio.create_task(analyst(slow, query_id="mint:1:2", max_block_size="1"))
    await begun(writer, "query_id = 'mint:1:2' AND user = 'analyst'")

    said = await writer("SELECT 1", query_id="mint:1:2")
    killed = await writer("KILL QUERY WHERE query_id = 'mint:1:2' AND user = 'analyst' SYNC")

    assert (said.status, said.text) == (200, "1")
    assert "mint:1:2" in killed.text
    assert (await sleeping).status != 200
