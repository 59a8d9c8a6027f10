"""The page of a contact with as many links as it shows."""

import pytest

from control.catalogue.listings import MOST_OF_A_CONTACT
from tests.control.pages.test_sessions import ask, signed_in

NOTICE = "The newest 1,000 links are here; there may be more."


@pytest.mark.parametrize(("more", "shown", "is_told"), [(998, 999, False), (1_000, 1_000, True)])
async def test_a_contact_with_more_links_than_are_shown_is_told_so(control, clickhouse, more, shown, is_told):
    assert MOST_OF_A_CONTACT == 1_000
    control.broadcast()
    control.mint([{"contact_id": "c-1"}])
    await clickhouse.execute(
        "INSERT INTO links SELECT l.* REPLACE (l.link_id + number + 1 AS link_id, toString(number) AS code)"
        " FROM links AS l CROSS JOIN numbers({more:UInt64}) AS n WHERE contact_id = 'c-1'",
        more=more,
    )

    status, _, text = ask(control, "GET", "/contacts/c-1", Cookie=signed_in(control))

    assert status == 200
    assert text.count('class="full destination"') == shown
    assert (NOTICE in text) is is_told
