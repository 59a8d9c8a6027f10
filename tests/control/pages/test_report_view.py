"""What the page of a report makes of its figures: lists, shares, filters, sentences."""

from dataclasses import dataclass
from typing import get_origin, get_type_hints

import pytest

from control.pages import findings
from control.pages.formats import NARROW, span
from control.pages.ranked import AT_ONCE, ON_REQUEST, REGIONS, SYSTEMS, cut, ranked
from control.pages.report_view import CLASS_NAMES, Filter, machines_of, view_of
from control.reports.shapes import Canaries, Classes, Forwarded, OsRow, RegionRow, Report, SecondsToTap, Segments

pytestmark = pytest.mark.pure
LISTS = [name for name, hint in get_type_hints(Report).items() if get_origin(hint) is list]


def report(**fields):
    empty = {
        "broadcast_id": "spring", "sent_at": None, "links": 0, "contacts": 0, "clicks": Classes(0, 0, 0, 0, 0, 0),
        "unique_contacts": 0, "click_through_rate": 0.0, "seconds_to_tap": SecondsToTap(None, None, []), "tz": "UTC",
        "visitors": 0, "previews_delivered": 0, "passed_on_links": 0, "forwarded": Forwarded(0, 0),
        "canaries": Canaries(), "segments": Segments(0, 0, {}), **{name: [] for name in LISTS},
    }  # fmt: skip
    return Report(**{**empty, **fields})


def test_a_list_says_the_share_of_each_line_and_narrows_by_it():
    found = ranked(report(by_os=[OsRow("iOS", 3), OsRow("", 1)]), SYSTEMS)

    assert [(line.name, line.share, line.filters) for line in found.lines.shown] == [
        ("iOS", 0.75, {"os": "iOS"}), ("Not known", 0.25, {"os": ""}),
    ]  # fmt: skip


def test_a_region_is_named_and_narrowed_with_its_country():
    found = ranked(
        report(by_region=[RegionRow("DE", "Berlin", 2), RegionRow("DE", "", 1), RegionRow("", "", 1)]), REGIONS
    )

    assert [line.name for line in found.lines.shown] == ["Berlin, Germany", "Not known, Germany", "Not known"]
    assert found.lines.shown[1].filters == {"country": "DE", "region": ""}


def test_a_long_list_says_how_many_lines_and_taps_it_leaves_out():
    @dataclass
    class Row:
        clicks: int

    rows = [Row(2) for _ in range(AT_ONCE + ON_REQUEST + 7)]

    lines = cut(rows)

    assert (len(lines.shown), len(lines.folded), len(lines.left_out)) == (AT_ONCE, ON_REQUEST, 7)
    assert lines.left_out_clicks == 14
    assert cut(rows[:AT_ONCE]).folded == []


def test_every_class_is_a_persons_a_machines_or_not_known():
    assert set(CLASS_NAMES) == set(Classes.__struct_fields__)
    assert machines_of(Classes(human=1, preview=10, prefetch=100, scanner=1_000, bot=10_000, unknown=7)) == 11_110


def test_filters_are_said_in_words():
    given = {"audience": "", "destination": "1", "class": "preview", "region": "<b>"}

    assert view_of(report(), given)["filters"] == [
        Filter("audience", "Audience", "Not known"), Filter("destination", "Link", "2"),
        Filter("class", "Visits of", "Previews of messaging apps"), Filter("region", "Region", "<b>"),
    ]  # fmt: skip
    assert view_of(report(), given)["counted"] == "Visits"
    assert view_of(report(), {"class": "human"})["counted"] == "Taps"


def percent(text):
    return f"{text}{NARROW}%"


def test_canaries_that_nobody_tapped_bound_what_may_be_scanned():
    [said] = findings.of_canaries(Canaries(50, 0, 0.0, (0.0, 0.0713)))

    assert said.startswith("None of 50 canaries was tapped")
    assert f"no more than {percent('7.1')} of the links" in said


def test_canaries_that_were_tapped_say_how_many_machines_pass_for_people():
    some = Canaries(50, 10, 0.2, (0.112, 0.330), 1, 0.1, (0.018, 0.404))
    none = Canaries(50, 1, 0.02, (0.004, 0.105), 0, 0.0, (0.0, 0.793))

    scanned, missed = findings.of_canaries(some)
    assert scanned.startswith(f"10 of 50 canaries were tapped ({percent('20')})")
    assert f"between {percent('11.2')} and {percent('33')}" in scanned
    assert missed.startswith(f"1 of these passed for a person ({percent('10')})")
    assert f"between {percent('1.8')} and {percent('40.4')}" in missed
    assert findings.of_canaries(none)[0].startswith("1 of 50 canaries was tapped")
    assert f"no more than {percent('79.3')} pass for people" in findings.of_canaries(none)[1]


def test_without_canaries_there_is_nothing_to_say_of_them():
    assert findings.of_canaries(Canaries()) == []


def test_forwarded_links_are_said_in_a_sentence():
    assert findings.of_forwarded(report(forwarded=Forwarded(1, 1))) == [
        "1 personal link was tapped with more than one device; 1 tap came from the others, which may be other people."
    ]
    assert findings.of_forwarded(report(passed_on_links=2)) == [
        "No personal link was tapped with two different devices.",
        "2 personal links were tapped by more people on one day than one can be.",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"), (0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3_569, "59 min"), (3_590, "1 h"),
        (11_100, "3 h 5 min"), (86_300, "23 h 58 min"), (86_390, "1 day"), (187_200, "2 days 4 h"),
    ],
)  # fmt: skip
def test_a_time_that_passed_is_said_in_its_two_largest_units(seconds, text):
    assert span(seconds).replace(NARROW, " ") == text
