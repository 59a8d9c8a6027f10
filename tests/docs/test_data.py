"""Every table and column says what it means, in ClickHouse and in docs/data.md, in the same words."""

import runpy
from pathlib import Path

from aggregator.comments import Dictionary, said_in
from aggregator.migrate import migrate

DATA = runpy.run_path(str(Path(__file__).parents[2] / "docs/data.py"))


async def test_every_table_and_column_has_a_comment_and_the_dictionary_nothing_else(clickhouse):
    said = await said_in(clickhouse)

    assert [f"{one.place}.{one.column}" for one in said if not one.comment] == []
    assert {one.place for one in said} == set(Dictionary().tables)


async def test_comments_are_there_again_after_a_start_and_a_change_of_them_is_taken_up(clickhouse):
    await clickhouse.execute("ALTER TABLE clicks COMMENT COLUMN engaged 'of old', MODIFY COMMENT 'of old'")

    await migrate(clickhouse)

    said = {(one.place, one.column): one.comment for one in await said_in(clickhouse)}
    assert said["taptrail.clicks", "engaged"].startswith("A person")
    assert said["taptrail.clicks", ""].startswith("One row")
    assert said["taptrail.broadcast_report", "contacts"] == "Contacts with a link of it."


async def test_the_dictionary_of_the_page_is_what_clickhouse_says(clickhouse):
    page = DATA["PAGE"].read_text()

    assert DATA["page"](page, await DATA["dictionary"](clickhouse)) == page
