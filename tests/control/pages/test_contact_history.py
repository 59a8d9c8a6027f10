"""The history of a contact in words."""

import pytest

from control.http.schemas import LinkState
from control.pages.contact_history import history_of
from control.pages.formats import NONE, in_path
from control.reports.links import Tapped

UNKNOWN = dict.fromkeys(
    ("device_model", "device_type", "os", "os_version", "browser", "browser_version", "city", "region", "country"), ""
)


def link(link_id, broadcast_id="spring", **more):
    texts = ("code", "short_url", "short_domain", "audience", "source", "keyword", "destination")
    return LinkState(
        link_id=link_id, broadcast_id=broadcast_id, contact_id="c-1", account="main", destination_index=0, goes_to=None,
        version=1, **{**dict.fromkeys(texts, ""), "state": "live", "minted_at": "2026-05-04T09:00:00Z", **more},
    )  # fmt: skip


def visit(**more):
    row = {
        "clicked_at": "2026-05-04T09:00:00.123000Z", "account": "main", "broadcast_id": "spring", "refusal": "",
        "visit_class": "human", "class_reasons": [], **UNKNOWN,
    }  # fmt: skip
    return row | more


def test_a_tap_says_its_device_and_place_with_what_is_known():
    row = visit(
        device_type="phone", os="iOS", os_version="17.5", browser="Mobile Safari", region="Bavaria", country="DE"
    )

    (one,) = history_of([], [], [row]).visits

    assert (one.who, one.why) == ("A person", "")
    assert one.device == "phone, iOS 17.5, Mobile Safari"
    assert one.place == "Bavaria, DE"


def test_what_is_not_known_is_a_dash():
    (one,) = history_of([], [], [visit()]).visits

    assert (one.device, one.place) == (NONE, NONE)


def test_a_machine_says_what_gave_it_away():
    (one,) = history_of([], [], [visit(visit_class="preview", class_reasons=["agent-whatsapp"])]).visits

    assert one.who == "Previews of messaging apps"
    assert one.why.startswith("WhatsApp: ")


@pytest.mark.parametrize(
    ("refusal", "said"), [("stopped", "The broadcast was stopped."), ("new-kind", "A page answered: new-kind.")]
)
def test_somebody_who_was_not_led_on_says_why(refusal, said):
    (one,) = history_of([], [], [visit(refusal=refusal)]).visits

    assert one.why == said


def test_the_figures_are_sums_over_the_links():
    links = [link(3, "summer"), link(2), link(1)]
    tapped = [Tapped(3, 1, 5), Tapped(2, 4, 0, forwarded=2), Tapped(1)]

    found = history_of(links, tapped, [])

    assert (found.broadcasts, found.taps, found.machines, found.forwarded) == (2, 5, 5, 1)


def test_a_state_is_a_word_for_people():
    (line,) = history_of([link(1, state="not_yet")], [Tapped(1)], []).links

    assert (line.state, line.kind) == ("not yet", "plain")


def test_an_id_is_one_segment_of_an_address():
    assert in_path("a/../100% ü") == "a%2F..%2F100%25%20%C3%BC"
