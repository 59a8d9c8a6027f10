"""The client against a server that does not have our database yet."""

from runtime.clickhouse import ClickHouse, wait_for_clickhouse


async def test_a_server_without_the_database_counts_as_there(clickhouse_url):
    client = ClickHouse(clickhouse_url, database="not_there_yet")

    try:
        await wait_for_clickhouse(client, give_up_after_s=0)
    finally:
        await client.close()
