"""Fields of a contact in a destination: what they fill in, and what they can never change."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts.fields import DOTS
from control.catalogue.destination_rules import destination_fault
from records.broadcast import Broadcast
from records.link import Link, decode_link, encode_link
from routing.destination import destination_for, own_fields
from routing.visit import Visit

HOST = "go.acme.example"
VALUES = st.text(max_size=12) | st.sampled_from(
    ["%2F", "../..", "//evil.example", "\r\nSet-Cookie: a", "#", "?a&b", "\\"]
)


def location(template, **fields):
    broadcast = Broadcast(1, "main", "spring", HOST, (template,))
    return destination_for(broadcast, 0, Link(1, 0, 0, "c-1", "", fields or None), Visit(HOST, "aB3dE5fG7"), bytes(16))


def test_a_field_is_filled_in_and_one_that_a_link_does_not_have_is_empty():
    assert location("https://shop.example/o/{order}?n={name}", order="a 1", name="Zoë") == (
        "https://shop.example/o/a%201?n=Zo%C3%AB"
    )
    assert location("https://shop.example/o/{order}") == "https://shop.example/o/"


def test_what_every_link_has_goes_before_a_field_of_that_name():
    assert location("https://shop.example/{code}", code="SAVE10") == "https://shop.example/aB3dE5fG7"


def test_a_value_never_leaves_its_place_in_what_an_app_opens():
    assert location("mailto:{to}?subject={name}", to="a@b.example?bcc=c", name="x&body=y\r\nz") == (
        "mailto:a%40b.example%3Fbcc%3Dc?subject=x%26body%3Dy%0D%0Az"
    )
    assert location("shop://grüße/{code}") == "shop://gr%C3%BC%C3%9Fe/aB3dE5fG7"


def test_only_what_is_the_contacts_own_is_a_field():
    assert own_fields(["https://a.example/{order}?c={contact_id}", "https://b.example/{code}#{name}"]) == {
        "order", "name",
    }  # fmt: skip


@given(VALUES.filter(lambda value: value not in DOTS), VALUES, VALUES)
@example("..%2f..", "..", "..")
def test_a_field_never_changes_host_path_query_fragment_or_header(order, name, part):
    url = urlsplit(location("https://shop.example/o/{order}/x?n={name}&m=1#{part}", order=order, name=name, part=part))

    assert (url.scheme, url.netloc) == ("https", "shop.example")
    assert [unquote(piece) for piece in url.path.split("/")] == ["", "o", order, "x"]
    assert [unquote(piece) for piece in url.query.split("&")] == [f"n={name}", "m=1"]
    assert unquote(url.fragment) == part
    assert url.geturl().isascii()
    assert url.geturl().isprintable()


@pytest.mark.parametrize("template", ["/{a}{b}", "/.{a}", "/{a}.", "/%2e{a}", "/x/{a}{b}{a}", "/{a}{contact_id}/y"])
def test_no_fields_together_make_a_step_in_the_path(template):
    fault = destination_fault(f"https://shop.example{template}", allow_http=False, allow_private=False)

    assert "may become a step in the path" in str(fault)


@pytest.mark.parametrize("template", ["/{a}", "/{a}-{b}", "/.{a}.html", "/{a}{code}", "/?x={a}{b}", "/#{a}{b}"])
def test_fields_that_cannot_make_a_step_may_stand_there(template):
    assert destination_fault(f"https://shop.example{template}", allow_http=False, allow_private=False) is None


def test_a_link_without_fields_is_written_as_it_ever_was_and_older_ones_are_read():
    assert encode_link(Link(3, 0, 1, "c-1")) == b"\x94\x03\x00\x01\xa3c-1"
    assert encode_link(Link(3, 0, 1, "", "SALE")) == b"\x95\x03\x00\x01\xa0\xa4SALE"
    assert decode_link(b"\x94\x03\x00\x01\xa3c-1") == Link(3, 0, 1, "c-1")

    with_fields = Link(3, 0, 1, "c-1", "", {"order": "17"})
    assert encode_link(with_fields) == b"\x96\x03\x00\x01\xa3c-1\xa0\x81\xa5order\xa217"
    assert decode_link(encode_link(with_fields)) == with_fields


@pytest.mark.parametrize(
    ("query", "forwarded"),
    [
        ("via=qr", ""),
        ("via=qr&utm_source=x", "?utm_source=x"),
        ("a=1&via=qr", "?a=1"),
        ("via=qrs&xvia=qr", "?via=qrs&xvia=qr"),
        ("via=mail", "?via=mail"),
    ],
)
def test_the_mark_of_a_qr_code_is_not_forwarded(query, forwarded):
    broadcast = Broadcast(1, "main", "spring", "go.acme.example", ("https://acme.example/",), forward_query=True)
    visit = Visit("go.acme.example", "SALE", query)

    assert destination_for(broadcast, 0, Link(1, 0, 0, ""), visit, bytes(16)) == f"https://acme.example/{forwarded}"
