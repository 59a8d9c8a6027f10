"""What a report says of the links of a broadcast: counted again after each minting, and only then."""

import pytest

from control.reports.filters import Filters
from control.reports.report import Reports
from records.broadcast import Broadcast
from records.erasure import STEPS
from records.tables import BROADCASTS, in_force
from tests.support.control import contacts


class Asked:
    """The ClickHouse of a test, which notes what it is asked."""

    def __init__(self, clickhouse):
        self._clickhouse, self.statements = clickhouse, []

    async def rows(self, sql, row, **params):
        self.statements.append(sql)
        return await self._clickhouse.rows(sql, row, **params)

    async def body(self, sql, **params):
        self.statements.append(sql)
        return await self._clickhouse.body(sql, **params)

    @property
    def countings(self):
        return sum("uniqExactIf" in sql and "FROM links" in sql for sql in self.statements)


@pytest.fixture
async def sent(control, clickhouse):
    """Two VIPs and a new contact with a link each, nobody has said when they were sent; the reports of a process."""
    control.broadcast()
    control.mint([*contacts(2, audience="vip"), {"contact_id": "c-9", "audience": "new"}])
    [broadcast] = await clickhouse.rows(in_force(BROADCASTS, "true"), Broadcast)
    asked = Asked(clickhouse)
    return asked, Reports(asked), broadcast


async def figures(clickhouse, report):
    """links, contacts: what the report says, which is what the table has."""
    links, contacts = await clickhouse.value(
        "SELECT [count(), uniqExactIf(contact_id, contact_id != '')] FROM links WHERE kind != 'canary'"
    )
    assert (report.links, report.contacts) == (links, contacts)
    return links, contacts


async def test_links_are_counted_once_until_there_are_others(sent, control, clickhouse):
    asked, reports, broadcast = sent

    first, second = await reports.read(broadcast), await reports.read(broadcast)
    assert (first, asked.countings) == (second, 1)
    assert await figures(clickhouse, first) == (3, 3)

    control.mint(contacts(4, audience="vip"))
    third = await reports.read(broadcast)
    assert await figures(clickhouse, third) == (5, 5)
    assert [(row.audience, row.links) for row in third.by_audience] == [("vip", 4), ("new", 1)]
    assert [row.links for row in third.by_destination] == [5]
    assert third.sent_at == first.sent_at
    assert asked.countings == 2


async def test_a_second_link_of_a_contact_makes_no_other_contact(sent, control, clickhouse):
    _, reports, broadcast = sent
    await reports.read(broadcast)

    assert control.mint(contacts(2, audience="vip"), query="?again=true").status == 200

    assert await figures(clickhouse, await reports.read(broadcast)) == (5, 3)


async def test_canaries_are_in_no_count_but_their_own(sent, control, clickhouse):
    _, reports, broadcast = sent
    assert (await reports.read(broadcast)).canaries.links == 0

    assert control.call("POST", "/v1/broadcasts/spring/canaries", {"count": 4}).status == 201

    report = await reports.read(broadcast)
    assert await figures(clickhouse, report) == (3, 3)
    assert report.canaries.links == 4


async def test_contacts_are_counted_again_when_ids_were_replaced(sent, clickhouse):
    """As many links as before, and not as many contacts."""
    _, reports, broadcast = sent
    await reports.read(broadcast)

    await clickhouse.execute(
        "ALTER TABLE links UPDATE contact_id = 'c-0' WHERE contact_id = 'c-1' SETTINGS mutations_sync = 1"
    )
    await clickhouse.insert_rows(STEPS, [{"erasure": 1, "step": "linked"}])

    assert await figures(clickhouse, await reports.read(broadcast)) == (3, 2)


async def test_what_a_filter_chooses_is_counted_by_itself(sent):
    asked, reports, broadcast = sent
    whole = await reports.read(broadcast)

    for _ in range(2):
        narrowed = await reports.read(broadcast, filters=Filters(audience="new"))
        assert (narrowed.links, narrowed.contacts, narrowed.sent_at) == (1, 1, whole.sent_at)
    assert (await reports.read(broadcast, filters=Filters(device="phone"))).links == 3

    assert asked.countings == 2
