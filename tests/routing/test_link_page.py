"""The page of a link says what an edge does: for any domain, broadcast, link and time."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.catalogue.link_page import link_state
from control.http.problems import Problem
from control.minting.link_table import LinkRow
from records.broadcast import Broadcast
from records.domain import Domain
from records.link import Link
from routing.decide import decide
from routing.found import Found
from routing.visit import Visit

HOST = "go.acme.example"
NOW = 1_700_000_000_000
CLICK_ID = bytes(range(16))

times = st.sampled_from([0, NOW - 1, NOW, NOW + 1])
tails = st.text(st.sampled_from("a/?&#=%é春 "), max_size=8)
fallbacks = st.just("") | tails.map("https://acme.example/over".__add__)
pieces = ["{contact_id}", "{contact_id}" * 20, "{code}", "{broadcast_id}", "{click_id}", "{click_id}" * 190, "{", "ü"]
templates = st.lists(st.sampled_from(pieces) | tails, max_size=4).map(
    lambda parts: "https://a.example/" + "".join(parts)
)
domains = st.builds(Domain, st.just(HOST), st.just("main"), expired=fallbacks, not_found=fallbacks)
broadcasts = st.builds(
    Broadcast, st.just(3), st.just("main"), st.just("spring"),
    st.sampled_from([HOST, HOST, HOST, "other.example"]), st.lists(templates, min_size=1, max_size=2).map(tuple),
    valid_from_ms=times, expires_at_ms=times, fallback=fallbacks, stopped=st.booleans(), forward_query=st.booleans(),
)  # fmt: skip
contacts = st.text(max_size=5) | st.just("🎉" * 256)
links = st.builds(Link, st.just(3), st.integers(0, 2), st.just(0), contacts, st.sampled_from(["", "SALE"]))


def row_of(link, code):
    return LinkRow(
        17,
        "main",
        code,
        HOST,
        3,
        "spring",
        link.contact_id,
        "",
        link.destination_index,
        link.slug,
        "",
        "2026-05-01",
        {},
    )


@given(domains, broadcasts, links)
def test_the_page_of_a_link_says_what_an_edge_does(domain, broadcast, link):
    code = link.slug or "aB3dE5fG7"
    decision = decide(Found(domain, 17, link, broadcast), Visit(HOST, code), CLICK_ID, NOW)

    if not decision.is_row:
        with pytest.raises(Problem, match="of broadcast spring"):
            link_state(row_of(link, code), domain, broadcast, NOW)
        return
    page = link_state(row_of(link, code), domain, broadcast, NOW)
    assert page.state == (decision.reason or "live")
    assert (page.goes_to or "").replace("{click_id}", str(UUID(bytes=CLICK_ID))) == decision.location


def page_of(*, destination_index=0, **fields):
    link = Link(3, destination_index, 0, "c-1")
    broadcast = Broadcast(3, "main", "spring", HOST, ("https://acme.example/ü?k={click_id}",), **fields)
    return link_state(row_of(link, "aB3dE5fG7"), Domain(HOST, "main"), broadcast, NOW)


def test_a_link_whose_destination_is_gone_is_not_found():
    with pytest.raises(Problem, match="leads to destination 1 of broadcast spring, which has 1, numbered from 0"):
        page_of(destination_index=1)


def test_a_page_gives_destinations_and_fallbacks_as_they_are_sent():
    assert page_of().goes_to == "https://acme.example/%C3%BC?k={click_id}"
    assert page_of(stopped=True, fallback="https://acme.example/ü").goes_to == "https://acme.example/%C3%BC"
