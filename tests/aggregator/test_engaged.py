"""One rule says what engagement is, in raw SQL, in a projection, in a view, after judging again."""

from itertools import product

import pytest

from records.own_visit import PURPOSE
from tests.support.click_rows import click
from visitors.agents import VisitClass

REFUSALS = ("", "expired", "stopped")
STATUSES = (200, 302, 307, 410)
GRID = list(product(VisitClass, STATUSES, REFUSALS))
HOURLY = """
SELECT sum(clicks) FROM hourly_clicks WHERE engaged
SETTINGS force_optimize_projection = 1, force_optimize_projection_name = 'hourly'
"""


def is_engaged(visit_class, status, refusal):
    return visit_class == "human" and status in (302, 307) and not refusal


@pytest.fixture
async def grid(clickhouse):
    """A click of each class, status and refusal."""
    for seq, (visit_class, status, refusal) in enumerate(GRID):
        await click(clickhouse, f"c-{seq}", visit_class.value, seq=seq, status=status, refusal=refusal)
    return clickhouse


async def engaged_rows(clickhouse):
    return await clickhouse.value("SELECT arraySort(groupArray(seq)) FROM clicks WHERE engaged")


async def test_a_click_is_engagement_where_a_person_was_sent_where_the_link_leads(grid):
    expected = [seq for seq, one in enumerate(GRID) if is_engaged(*one)]

    assert await engaged_rows(grid) == expected
    assert await grid.value(HOURLY) == len(expected) == 2
    assert await grid.value("SELECT sum(human_clicks) FROM broadcast_report") == len(expected)
    assert await grid.value("SELECT toTypeName(engaged) FROM clicks LIMIT 1") == "Bool"


async def test_the_contacts_of_an_hour_are_read_from_its_projection(grid):
    people = "SELECT sum(unique_contacts) FROM hourly_clicks WHERE engaged"

    by_projection = f"{people} SETTINGS force_optimize_projection = 1, force_optimize_projection_name = 'hourly'"
    by_rows = f"{people} SETTINGS optimize_use_projections = 0"
    assert await grid.value(by_projection) == await grid.value(by_rows)


async def test_redirects_and_previews_count_but_those_that_verification_asked(grid):
    await click(grid, "c-own", "bot", seq=99, purpose=PURPOSE)

    assert await grid.value("SELECT arraySort(groupArray(seq)) FROM clicks WHERE counted") == [
        seq for seq, (_, status, refusal) in enumerate(GRID) if status in (200, 302, 307) and not refusal
    ]


async def test_engagement_follows_when_visits_are_judged_again(grid):
    await grid.execute(
        "ALTER TABLE clicks UPDATE visit_class = if(visit_class = 'human', 'scanner', 'human')"
        " WHERE visit_class IN ('human', 'bot') SETTINGS mutations_sync = 1"
    )

    judged = {"human": "scanner", "bot": "human"}
    expected = [
        seq for seq, (name, status, refusal) in enumerate(GRID)
        if is_engaged(judged.get(name.value, name.value), status, refusal)
    ]  # fmt: skip
    assert await engaged_rows(grid) == expected
    assert await grid.value(HOURLY) == len(expected)
    assert await grid.value("SELECT sum(human_clicks) FROM broadcast_report") == len(expected)
