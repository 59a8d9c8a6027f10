"""Clicks that are judged again: what the rules of this release say, in rows and projections, and nothing else moves."""

from aggregator.regrade import Change, Filter, Regrade
from aggregator.regrade_sql import MAP, RUNS
from tests.support.clicks import IPHONE
from tests.support.regrade import ROWS, differing, insert_judged, insert_one, projection_faults, regrade
from visitors.classify import CLASSIFIER_VERSION, Verdict, VisitClass, classify
from visitors.evidence import Evidence

CURL = classify(Evidence("GET", "curl/8.5", "", "", "", "", 0, ""))
PERSON = classify(Evidence("GET", IPHONE, "", "", "", "", 0, ""))


async def verdicts(clickhouse):
    sql = "SELECT visit_class, class_reasons AS reasons FROM clicks ORDER BY lane, seq"
    return await clickhouse.rows(sql, Verdict)


async def test_a_row_that_an_older_classifier_judged_gets_the_verdict_of_its_evidence(clickhouse):
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", class_reasons=["agent-browser"])

    found = await regrade(clickhouse)

    assert await verdicts(clickhouse) == [CURL]
    assert found.changes == [Change("spring", "human", "bot", 1)]
    assert await clickhouse.value("SELECT classifier_version FROM clicks") == CLASSIFIER_VERSION


async def test_a_second_run_changes_nothing(clickhouse):
    await insert_judged(clickhouse, 200)
    first = await regrade(clickhouse)

    second = await regrade(clickhouse)

    assert first.rows > 0
    assert (second.rows, second.changes) == (0, [])
    assert await differing(clickhouse) == 0
    assert await projection_faults(clickhouse) == []


async def test_finding_alone_changes_no_click(clickhouse):
    await insert_judged(clickhouse, 200)
    before = await clickhouse.value(f"SELECT sum(cityHash64({ROWS})) FROM clicks")

    run = Regrade(clickhouse, Filter())
    found = await run.find()
    await run.forget()

    assert found.rows > 0
    assert await clickhouse.value(f"SELECT sum(cityHash64({ROWS})) FROM clicks") == before
    assert await clickhouse.value(f"SELECT count() FROM {RUNS}") == 0
    assert await clickhouse.value(f"SELECT count() FROM {MAP}") == 0


async def test_each_different_evidence_is_judged_once(clickhouse):
    for broadcast_id in ("spring", "autumn", "winter"):
        await insert_one(clickhouse, user_agent=IPHONE, broadcast_id=broadcast_id, visit_class="bot")

    assert (await Regrade(clickhouse, Filter()).find()).judged == 1


async def test_rows_of_this_version_are_left_alone(clickhouse):
    """An aggregator of this release has judged them, or a newer one."""
    for version in (CLASSIFIER_VERSION, CLASSIFIER_VERSION + 1):
        await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", classifier_version=version)

    found = await regrade(clickhouse)

    assert (found.judged, found.rows) == (0, 0)


async def test_only_the_rows_that_are_asked_for_are_judged(clickhouse):
    for broadcast_id, clicked_at in (("a", 1_790_000_000), ("a", 1_780_000_000), ("b", 1_790_000_000)):
        await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", broadcast_id=broadcast_id,
                            clicked_at=clicked_at)  # fmt: skip

    found = await regrade(clickhouse, Filter("a", 1_785_000_000_000))

    assert found.changes == [Change("a", "human", "bot", 1)]
    assert await clickhouse.value("SELECT countIf(visit_class = 'human') FROM clicks") == 2


async def test_what_neighbours_gave_is_kept_and_wins(clickhouse):
    reasons = ["many-contacts-one-network", "agent-known-before"]
    await insert_one(clickhouse, user_agent=IPHONE, visit_class="scanner", class_reasons=reasons)
    await insert_one(clickhouse, user_agent=IPHONE, visit_class="scanner", class_reasons=["agent-known-before"])

    found = await regrade(clickhouse)

    assert await verdicts(clickhouse) == [
        Verdict(VisitClass.SCANNER, ("many-contacts-one-network", *PERSON.reasons)),
        PERSON,
    ]
    assert found.changes == [Change("spring", "scanner", "human", 1)]
    assert (found.judged, found.rows) == (1, 2)


async def test_texts_that_visitors_choose_are_judged_as_they_are(clickhouse):
    odd = ["\x00\\'\"\t\n", "', '') --", "{run:UInt64}", "\N{SNOWMAN} bot", "%s", ""]
    for agent in odd:
        await insert_one(clickhouse, user_agent=agent, purpose=agent, visit_class="human", class_reasons=["old"])

    await regrade(clickhouse)

    assert await differing(clickhouse) == 0
    assert await clickhouse.value("SELECT countIf(has(class_reasons, 'old')) FROM clicks") == 0


async def test_more_verdicts_than_one_statement_holds_take_several(clickhouse, monkeypatch):
    monkeypatch.setattr("aggregator.regrade.CHUNK", 10)
    await insert_judged(clickhouse, 300)

    await regrade(clickhouse)

    assert await differing(clickhouse) == 0
    assert await projection_faults(clickhouse) == []


async def test_each_run_is_on_record_before_and_after(clickhouse):
    await insert_one(clickhouse, user_agent="curl/8.5", visit_class="human", class_reasons=["agent-browser"])

    await regrade(clickhouse, Filter("spring"))

    sql = f"SELECT state, broadcast_id, former_versions, classifier_version, judged, rows, changes FROM {RUNS}"
    recorded = [sorted(line.split(b"\t")) for line in (await clickhouse.body(sql)).splitlines()]
    facts = [b"spring", b"[1]", str(CLASSIFIER_VERSION).encode(), b"1", b"1", b"[('spring','human','bot',1)]"]
    assert sorted(recorded) == sorted(sorted([state, *facts]) for state in (b"begun", b"done"))


async def test_the_map_of_a_run_that_was_killed_is_dropped_a_day_later(clickhouse):
    await clickhouse.execute(
        f"INSERT INTO {MAP} (run, evidence, written_at) VALUES (7, 1, now() - INTERVAL 25 HOUR), (8, 1, now())"
    )

    await regrade(clickhouse)

    assert await clickhouse.value(f"SELECT groupArray(run) FROM {MAP}") == [8]
