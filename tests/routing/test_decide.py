from uuid import UUID

import msgspec
import pytest

from edge.recorder import click_id_stem, new_click_id
from records.broadcast import Broadcast
from records.domain import Domain
from records.erasure import STOPPED_INDEX
from records.link import Link
from routing.decide import SCANNING, UNKNOWN_HOST, UNRESOLVED, Decision, decide
from routing.destination import MAX_LOCATION_BYTES
from routing.found import SCAN_LIMITED, UNANSWERABLE, Found
from routing.reasons import Reason
from routing.visit import Visit

DOMAIN = Domain("go.acme.example", "main")
BROADCAST = Broadcast(3, "main", "spring", "go.acme.example", ("https://acme.example/a", "https://acme.example/b"))
LINK = Link(3, 0, 0, "c 1/\u00e9")
CLICK_ID = bytes(range(16))
NOW = 1_700_000_000_000


def visit(query=""):
    return Visit("go.acme.example", "aB3dE5fG7", query)


def answer(*, domain=DOMAIN, link=LINK, query="", now_ms=NOW, **changes):
    broadcast = msgspec.structs.replace(BROADCAST, **changes)
    return decide(Found(domain, 17, link, broadcast), visit(query), CLICK_ID, now_ms)


def live(location, destination_index=0):
    return Decision(302, location, None, destination_index, is_row=True)


def test_a_live_link_redirects_to_its_own_destination():
    assert answer() == live("https://acme.example/a")
    assert answer(link=Link(3, 1, 0, "c-1")) == live("https://acme.example/b", 1)


def test_the_broadcasts_status_goes_before_the_domains():
    assert answer(domain=Domain("go.acme.example", "main", status=307)).status == 307
    assert answer(status=301).status == 301


def test_a_location_has_its_host_in_the_form_that_is_looked_up():
    assert answer(destinations=("https://gruß.example:444/ß?ß",)).location == (
        "https://xn--gru-7ka.example:444/%C3%9F?%C3%9F"
    )
    assert answer(stopped=True, fallback="https://bücher.example").location == "https://xn--bcher-kva.example"


def test_a_link_is_gone_from_the_instant_it_expires():
    assert answer(expires_at_ms=NOW + 1).reason is None
    assert answer(expires_at_ms=NOW) == Decision(410, reason=Reason.EXPIRED, is_row=True)


def test_a_link_is_not_open_before_its_first_instant():
    assert answer(valid_from_ms=NOW).reason is None
    assert answer(valid_from_ms=NOW + 1) == Decision(404, reason=Reason.NOT_YET, is_row=True)


def test_a_stopped_link_leads_to_the_fallback_or_the_domains_page_for_expired_ones():
    domain = Domain("go.acme.example", "main", expired="https://acme.example/over")

    assert answer(stopped=True) == Decision(410, reason=Reason.STOPPED, is_row=True)
    assert answer(stopped=True, domain=domain).location == "https://acme.example/over"
    assert answer(stopped=True, domain=domain, fallback="https://acme.example/fb").location == "https://acme.example/fb"


def test_an_unknown_code_leads_to_the_not_found_destination_where_there_is_one():
    assert decide(Found(DOMAIN), visit(), CLICK_ID, NOW) == Decision(404, reason=Reason.UNKNOWN_CODE)
    domain = Domain("go.acme.example", "main", not_found="https://acme.example/404")
    assert decide(Found(domain), visit(), CLICK_ID, NOW) == Decision(
        302, "https://acme.example/404", Reason.UNKNOWN_CODE
    )


def test_a_link_of_a_destination_that_is_gone_is_unknown():
    domain = Domain("go.acme.example", "main", not_found="https://acme.example/404")

    assert answer(link=Link(3, 2, 0, "c-1")) == Decision(404, reason=Reason.UNKNOWN_CODE)
    assert answer(link=Link(3, 2, 0, "c-1"), domain=domain).location == "https://acme.example/404"


def test_a_link_that_is_over_names_its_own_destination_in_the_row():
    assert answer(link=Link(3, 1, 0, "c-1"), stopped=True).destination_index == 1


def test_a_code_of_another_domain_is_unknown_here():
    assert answer(domain=Domain("other.example", "main")) == Decision(404, reason=Reason.UNKNOWN_CODE)


def test_an_unknown_host_redirects_nowhere():
    assert decide(Found(), visit(), CLICK_ID, NOW) is UNKNOWN_HOST


def test_a_code_that_could_not_be_looked_up_is_not_called_unknown():
    assert decide(UNANSWERABLE, visit(), CLICK_ID, NOW) == UNRESOLVED
    assert decide(SCAN_LIMITED, visit(), CLICK_ID, NOW) == SCANNING


def test_placeholders_are_filled_url_encoded():
    destination = "https://acme.example/{code}?c={contact_id}&b={broadcast_id}&k={click_id}&x={Other}"

    location = answer(destinations=(destination,)).location

    assert location == (
        "https://acme.example/aB3dE5fG7?c=c%201%2F%C3%A9&b=spring&k=00010203-0405-0607-0809-0a0b0c0d0e0f&x={Other}"
    )


@pytest.mark.parametrize(
    ("destination", "location"),
    [
        ("https://acme.example/a", "https://acme.example/a?utm=1&x=%0D%0A"),
        ("https://acme.example/a?y=2", "https://acme.example/a?y=2&utm=1&x=%0D%0A"),
        ("https://acme.example/a?y=2#part", "https://acme.example/a?y=2&utm=1&x=%0D%0A#part"),
    ],
)
def test_a_forwarded_query_follows_the_destinations_own_and_cannot_leave_it(destination, location):
    got = answer(destinations=(destination,), query="utm=1&x=\r\n", forward_query=True).location

    assert got == location


@pytest.mark.parametrize(
    "repeats",
    ["c=evil", "C=evil", "%63=evil", "%43=evil", "c[]=evil", "c%5B0%5D=evil", "c", "c%00x=evil", "+c=evil", "y;c=evil",
     "a.b=evil", "a%20b=evil", "A_B=evil"],
)  # fmt: skip
def test_a_forwarded_query_repeats_no_parameter_of_the_destination(repeats):
    destinations = ("https://acme.example/?c={contact_id}&a_b=1#part",)

    got = answer(destinations=destinations, query=f"utm=1&{repeats}&d=2", forward_query=True).location
    alone = answer(destinations=destinations, query=repeats, forward_query=True).location

    assert got == "https://acme.example/?c=c%201%2F%C3%A9&a_b=1&utm=1&d=2#part"
    assert alone == answer(destinations=destinations).location


@pytest.mark.parametrize("contact_id", [".", ".."])
def test_a_contact_id_of_dots_does_not_climb_in_a_path(contact_id):
    destinations = ("https://acme.example/members/{contact_id}/home",)

    got = answer(destinations=destinations, link=Link(3, 0, 0, contact_id)).location

    assert got == "https://acme.example/members//home"


def test_no_query_changes_the_destination_unless_the_broadcast_forwards_it():
    assert answer(query="url=https://evil.example").location == "https://acme.example/a"


def test_a_destination_can_never_end_the_header():
    assert answer(destinations=("https://acme.example/\r\nSet-Cookie: a\u00e9",)).location == (
        "https://acme.example/%0D%0ASet-Cookie:%20a%C3%A9"
    )


def test_a_destination_that_is_filled_beyond_what_browsers_and_servers_take_is_refused():
    most = "https://acme.example/?c=" + "a" * (MAX_LOCATION_BYTES - 24)
    ids = Link(3, 0, 0, "\U0001f600" * 256)  # 3,072 bytes, percent-encoded
    thrice = ("https://acme.example/?a={contact_id}&b={contact_id}&c={contact_id}",)

    assert answer(destinations=(most,)) == live(most)
    assert answer(destinations=(most + "a",)) == Decision(404, reason=Reason.TOO_LONG, is_row=True)
    assert answer(link=ids, destinations=thrice) == Decision(404, reason=Reason.TOO_LONG, is_row=True)
    over = answer(link=ids, destinations=thrice, fallback="https://acme.example/fb")
    assert over == Decision(302, "https://acme.example/fb", Reason.TOO_LONG, is_row=True)


def test_a_forwarded_query_that_would_make_it_too_long_is_left_out():
    query = "q=" + "a" * 7_975

    assert answer(query=query, forward_query=True).location == f"https://acme.example/a?{query}"
    assert answer(query=query + "a", forward_query=True).location == "https://acme.example/a"


def test_click_ids_are_uuids_of_version_7_in_the_order_of_time():
    first, second = (UUID(bytes=new_click_id(click_id_stem(now_ms), 2**76 - 1)) for now_ms in (NOW, NOW + 1))

    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert first < second
    assert int(first) >> 80 == NOW


def test_a_link_that_an_erased_contact_ended_is_over_and_not_unknown():
    link = Link(3, STOPPED_INDEX, 0, "")

    assert answer(link=link) == Decision(410, "", Reason.STOPPED, 0, is_row=True)
    assert answer(link=link, fallback="https://acme.example/over").location == "https://acme.example/over"


SHOWN = Decision(200, "", None, 0, is_row=True)


@pytest.mark.parametrize(
    ("changes", "preview", "agent", "decision"),
    [
        ({}, {}, "preview", live("https://acme.example/a")),
        ({}, {"title": "A"}, "preview", SHOWN),
        ({"preview": {"title": "A"}}, {}, "preview", SHOWN),
        ({"preview": {"title": "A"}}, {}, "person", live("https://acme.example/a")),
        ({"preview": {"title": "A"}, "stopped": True}, {}, "preview", Decision(410, "", Reason.STOPPED, 0, True)),
    ],
)
def test_what_draws_previews_gets_the_preview_where_there_is_one(changes, preview, agent, decision):
    broadcast = msgspec.structs.replace(BROADCAST, **changes)
    found = Found(msgspec.structs.replace(DOMAIN, preview=preview), 17, LINK, broadcast)
    asked = Visit("go.acme.example", "aB3dE5fG7", user_agent=agent)

    assert decide(found, asked, CLICK_ID, NOW, lambda user_agent: user_agent == "preview") == decision
