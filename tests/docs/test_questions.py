"""The questions of docs/data.md, answered by its SQL on a small campaign; the answers were counted by hand."""

import re
from pathlib import Path

import pytest

from runtime.clickhouse import ClickHouse
from tests.support.click_rows import SENT, click

PAGE = (Path(__file__).parents[2] / "docs/data.md").read_text()
QUESTIONS = dict(re.findall(r"^### ([^\n]+\?)\n.*?```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
HOUR, DAY = 3600, 86_400

IPHONE = {"device_type": "phone", "os": "iOS", "browser": "Mobile Safari"}
ANDROID = {"device_type": "phone", "os": "Android", "browser": "Chrome Mobile"}
PC = {"device_type": "desktop", "os": "Windows", "browser": "Edge"}
BAVARIA = {"country": "DE", "region": "Bavaria", "asn": 64500}
BERLIN = {"country": "DE", "region": "Berlin", "asn": 64501}
WASHINGTON = {"country": "US", "region": "Washington", "asn": 64502}

# Sent on Monday 2026-09-21 at 16:13:20 in Berlin; contact, link of the text, seconds since, what is known of the visit.
SPRING = (
    ("c-1", 0, 2, {"visit_class": "preview"}),
    ("c-1", 0, 60, IPHONE | BAVARIA),
    ("c-1", 0, 2 * HOUR, PC | BERLIN),  # passed on
    ("c-1", 1, 3 * HOUR, IPHONE | BAVARIA),
    ("c-2", 0, 0.5, {"visit_class": "scanner"}),
    ("c-2", 1, 0.9, {"visit_class": "scanner"}),
    ("c-2", 0, 600, ANDROID | WASHINGTON),
    ("c-3", 0, 3, {"visit_class": "preview"}),
    ("c-4", 1, DAY, ANDROID | BAVARIA),
    ("c-4", 1, 2 * DAY, {"refusal": "expired"} | ANDROID | BAVARIA),
    ("c-4", 1, 5, {"visit_class": "bot", "purpose": "own-verify"}),
)
# Sent a week later.
SUMMER = (
    ("c-1", 0, 30, IPHONE | BAVARIA),
    ("c-2", 0, 1.5 * HOUR, ANDROID | WASHINGTON),
    ("c-2", 0, 1.5 * HOUR + 60, ANDROID | WASHINGTON),
)
KEYWORDS = {"c-1": "SALE", "c-2": "SALE", "c-3": "SALE", "c-4": "NEWS"}

ANSWERS = {
    "How long until they tap?": [{"contacts": 3, "median": 600, "p90": DAY, "within_an_hour": 0.667}],
    "Which local hour is the best?": [
        {"hour": 16, "contacts": 3, "taps": 4}, {"hour": 17, "contacts": 1, "taps": 2},
        {"hour": 18, "contacts": 1, "taps": 1},
    ],
    "Which devices do they have?": [
        {"device_type": "phone", "os": "Android", "contacts": 2, "taps": 2, "share_of_taps": 0.4},
        {"device_type": "phone", "os": "iOS", "contacts": 1, "taps": 2, "share_of_taps": 0.4},
        {"device_type": "desktop", "os": "Windows", "contacts": 1, "taps": 1, "share_of_taps": 0.2},
    ],
    "Which links were forwarded?": [{"links": 1, "taps": 1}],
    "How many are machines?": [
        {"visit_class": "human", "visits": 5, "contacts": 3, "share": 0.556},
        {"visit_class": "preview", "visits": 2, "contacts": 2, "share": 0.222},
        {"visit_class": "scanner", "visits": 2, "contacts": 1, "share": 0.222},
    ],
    "What did one contact do, over all broadcasts?": [
        {"broadcast_id": "spring", "human_clicks": 1, "machine_clicks": 2, "first_after_s": 600},
        {"broadcast_id": "summer", "human_clicks": 2, "machine_clicks": 0, "first_after_s": 5400},
    ],
    "What is the funnel of each keyword?": [
        {"keyword": "SALE", "contacts": 3, "reached": 3, "tapped": 2, "tapped_again": 1},
        {"keyword": "NEWS", "contacts": 1, "reached": 1, "tapped": 1, "tapped_again": 0},
    ],
    "Which link of the text do they tap?": [
        {"destination_index": 0, "destination": "https://shop.example/", "taps": 3, "unique_contacts": 2, "rate": 0.5},
        {"destination_index": 1, "destination": "https://help.example/", "taps": 2, "unique_contacts": 2, "rate": 0.5},
    ],
    "How does this week compare with the last?": [
        {"week": "2026-09-21", "contacts": 3, "taps": 5, "change": None},
        {"week": "2026-09-28", "contacts": 2, "taps": 3, "change": -0.4},
    ],
    "From which places do they tap?": [
        {"country": "DE", "region": "Bavaria", "contacts": 2, "taps": 3, "networks": 1},
        {"country": "DE", "region": "Berlin", "contacts": 1, "taps": 1, "networks": 1},
        {"country": "US", "region": "Washington", "contacts": 1, "taps": 1, "networks": 1},
    ],
}  # fmt: skip


@pytest.fixture
async def campaign(clickhouse):
    """Two broadcasts: `spring` to four contacts with two links each, `summer` to two of them with one."""
    for number, (name, of, indexes, after_s, taps) in enumerate(
        (("spring", list(KEYWORDS), (0, 1), 0, SPRING), ("summer", ["c-1", "c-2"], (0,), 7 * DAY, SUMMER)), 1
    ):
        here = {"account": "main", "broadcast_id": name}
        destinations = ["https://shop.example/", "https://help.example/"][: len(indexes)]
        sent = {"broadcast_no": number, "version": 1, "sent_at_ms": (SENT + after_s) * 1000}
        await clickhouse.insert_rows("broadcasts", [here | sent | {"destinations": destinations}])
        links = {
            (contact_id, index): {"link_id": 100 * number + 10 * place + index, "keyword": KEYWORDS[contact_id]}
            for place, contact_id in enumerate(of)
            for index in indexes
        }
        await clickhouse.insert_rows(
            "links",
            [
                here | link | {"broadcast_no": number, "contact_id": contact_id, "destination_index": index}
                for (contact_id, index), link in links.items()
            ],
        )
        for contact_id, index, since_s, known in taps:
            link = links[contact_id, index]
            said = {"broadcast_id": name, "destination_index": index, **link, **known}
            await click(clickhouse, contact_id, after_s=after_s + since_s, **said)
    # Another account's, and a poster's visitors, are in no answer.
    await click(clickhouse, "c-2", account="other", after_s=60.0)
    await clickhouse.insert_rows("links", [{"account": "main", "broadcast_id": "spring", "link_id": 999}])
    return clickhouse


def test_there_are_ten_questions():
    assert list(QUESTIONS) == list(ANSWERS)


async def test_the_sql_of_the_page_answers_every_question_to_an_analyst(campaign, analyst_url):
    async with ClickHouse(analyst_url) as analyst:
        assert {question: await analyst.rows(sql, dict) for question, sql in QUESTIONS.items()} == ANSWERS
