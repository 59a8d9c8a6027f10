"""`taptrail regrade`, as an operator calls it beside an aggregator."""

import json
import os
import subprocess
import sys

import pytest

from runtime.clickhouse import ClickHouse
from tests.support.clicks import IPHONE
from tests.support.regrade import insert_judged, insert_one


@pytest.fixture
async def regrade(clickhouse, clickhouse_url, tmp_path):
    """Runs it with nothing set but where ClickHouse is."""

    def regrade(*arguments, url=clickhouse_url):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TAPTRAIL_")}
        return subprocess.run(
            [sys.executable, "-m", "cli", "regrade", *arguments], env=clean | {"TAPTRAIL_CLICKHOUSE_URL": url},
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return regrade


async def test_json_is_what_was_judged_and_what_changes(regrade, clickhouse: ClickHouse):
    for contact in range(3):
        await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", contact_id=f"c-{contact}")
    await insert_one(clickhouse, user_agent=IPHONE, visit_class="bot", broadcast_id="autumn")
    changes = [
        {"broadcast_id": "autumn", "old": "bot", "new": "human", "rows": 1},
        {"broadcast_id": "spring", "old": "human", "new": "bot", "rows": 3},
    ]

    dry, run, again = (regrade("--json", *options) for options in (["--dry-run"], [], []))

    assert [done.returncode for done in (dry, run, again)] == [0, 0, 0]
    assert json.loads(dry.stdout) == json.loads(run.stdout) == {"judged": 2, "changes": changes}
    assert json.loads(again.stdout) == {"judged": 0, "changes": []}


async def test_a_dry_run_prints_a_table_for_people(regrade, clickhouse: ClickHouse):
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human")
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="bot", class_reasons=["agent-known-before"])

    shown = regrade("--dry-run")

    header, row = (line.split() for line in shown.stdout.splitlines()[1:3])
    assert header == ["broadcast", "old", "new", "rows"]
    assert row == ["spring", "human", "bot", "1"]
    assert shown.stdout.splitlines()[-1] == (
        "Different visits judged: 1. Clicks that would change their class: 1; their reasons alone: 1."
    )
    assert shown.stderr == ""
    assert await clickhouse.value("SELECT max(classifier_version) FROM clicks") == 1


async def test_a_broadcast_and_a_time_limit_what_is_judged(regrade, clickhouse: ClickHouse):
    now = int(await clickhouse.value("SELECT toUnixTimestamp(now())"))
    for broadcast_id, days in (("spring", 1), ("spring", 40), ("autumn", 1)):
        await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", broadcast_id=broadcast_id,
                         clicked_at=now - days * 86_400)  # fmt: skip

    run = regrade("--broadcast", "spring", "--since", "30d", "--json")

    assert json.loads(run.stdout)["changes"] == [{"broadcast_id": "spring", "old": "human", "new": "bot", "rows": 1}]
    assert await clickhouse.value("SELECT countIf(visit_class = 'human') FROM clicks") == 2


async def test_a_broadcast_without_a_click_has_nothing_to_change(regrade, clickhouse: ClickHouse):
    await clickhouse.execute("INSERT INTO broadcasts (broadcast_no, account, broadcast_id) VALUES (1, 'main', 'new')")

    run = regrade("--broadcast", "new", "--json")

    assert (run.returncode, json.loads(run.stdout)) == (0, {"judged": 0, "changes": []})


@pytest.mark.parametrize("options", [[], ["--json"], ["--dry-run"]])
async def test_a_broadcast_that_nobody_knows_is_named(regrade, options):
    run = regrade("--broadcast", "sprnig", *options)

    assert (run.returncode, run.stdout) == (1, "")
    assert "there is no broadcast 'sprnig'" in run.stderr


async def test_a_broadcast_without_a_name_is_not_all_of_them(regrade, clickhouse: ClickHouse):
    """As where a script's variable is not set."""
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human")

    run = regrade("--broadcast", "")

    assert (run.returncode, run.stdout) == (1, "")
    assert await clickhouse.value("SELECT countIf(visit_class = 'human') FROM clicks") == 1


async def test_a_time_that_is_none_is_named(regrade):
    run = regrade("--since", "tomorrow-ish")

    assert run.returncode == 2
    assert "tomorrow-ish" in run.stderr
    assert "30d" in run.stderr


async def test_without_clickhouse_it_says_what_to_do(regrade):
    run = regrade(url="http://127.0.0.1:1")

    assert run.returncode == 1
    assert "run this again" in run.stderr


async def test_a_broadcast_with_a_name_that_is_sql_is_a_name(regrade, clickhouse: ClickHouse):
    name = "a' OR 1=1 --\\"
    await insert_judged(clickhouse, 20)
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", broadcast_id=name)

    run = regrade("--broadcast", name, "--json")

    assert json.loads(run.stdout)["changes"] == [{"broadcast_id": name, "old": "human", "new": "bot", "rows": 1}]
