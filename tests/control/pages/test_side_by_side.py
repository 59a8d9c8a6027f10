"""What a comparison shows: every broadcast beside the others, also one that has nothing to show."""

import msgspec
import pytest

from control.http.problems import Problem
from control.pages.compare import check_compared
from control.pages.formats import NARROW, NONE
from control.pages.side_by_side import MOST_AUDIENCES, audiences_of, curves_of, figures_of
from control.reports.shapes import AudienceRow, Canaries, Report, SecondsToTap, ShareRow
from control.reports.statements import SECONDS_MARKS

EMPTY = {
    **dict.fromkeys(("links", "contacts", "unique_contacts", "visitors", "previews_delivered"), 0),
    **{name: [] for name in Report.__struct_fields__ if name.startswith("by_")},
    "sent_at": None, "click_through_rate": 0.0, "tz": "UTC", "passed_on_links": 0, "warnings": [], "canaries": {},
    "clicks": dict.fromkeys(("human", "preview", "prefetch", "scanner", "bot", "unknown"), 0),
    "seconds_to_tap": {"median": None, "p90": None, "cumulative": []},
    "segments": {"messages": 0, "segments": 0, "by_segments": {}}, "forwarded": {"links": 0, "taps": 0},
}  # fmt: skip


def report(broadcast_id, **figures):
    given = msgspec.convert({**EMPTY, "broadcast_id": broadcast_id}, Report)
    return msgspec.structs.replace(given, **figures)


def reached(share):
    return SecondsToTap(30.0, 7_200.0, [ShareRow(mark, share if mark < 3_600 else 1.0) for mark in SECONDS_MARKS])


def test_a_broadcast_that_was_not_sent_stands_beside_one_that_was():
    sent = report("spring", contacts=4, unique_contacts=3, click_through_rate=0.75, seconds_to_tap=reached(0.5))

    rows = {row.name: [cell.value for cell in row.cells] for row in figures_of([sent, report("summer")])}

    assert rows["Click-through"] == [f"75{NARROW}%", NONE]
    assert rows["Half had tapped after"] == [f"30{NARROW}s", NONE]
    assert rows["Canaries tapped"] == [NONE, NONE]


def test_machines_are_all_that_are_known_to_be_none_of_the_people():
    clicks = msgspec.structs.replace(report("a").clicks, human=100, preview=1, prefetch=2, scanner=4, bot=8, unknown=16)

    rows = {row.name: row.cells for row in figures_of([report("a", clicks=clicks)])}

    assert rows["Machines"][0].value == "15"


def test_canaries_that_were_taken_for_people_are_said():
    tapped = Canaries(links=50, tapped=3, judged_human=2)

    rows = {row.name: row.cells for row in figures_of([report("a", canaries=tapped)])}

    assert rows["Canaries tapped"][0].of == "of 50 canaries, 2 taken for people"


def test_the_lines_are_the_table_and_differ_in_more_than_colour():
    curves = curves_of([report(name, seconds_to_tap=reached(0.25)) for name in "abcde"])

    lines = curves.option["series"]

    assert next(row[1] for row in curves.rows) == [f"25{NARROW}%"] * 5
    assert all(line["data"][0] == 25.0 and len(line["data"]) == len(curves.rows) for line in lines)
    assert len({line["symbol"] for line in lines}) == len({str(line["lineStyle"]["type"]) for line in lines}) == 5


def test_a_broadcast_without_taps_has_no_line_and_says_so():
    curves = curves_of([report("a")])

    assert set(curves.option["series"][0]["data"]) == {None}
    assert curves.says == "a: nobody has tapped since the send."
    assert curves.rows[0][1] == [NONE]


def test_long_names_that_look_alike_in_the_legend_have_numbers():
    names = [f"{'a' * 60}-{number}-{'b' * 60}" for number in range(2)]

    lines = curves_of([report(name) for name in names]).option["series"]

    assert [line["name"][:3] for line in lines] == ["1. ", "2. "]
    assert all(len(line["name"]) < 40 for line in lines)


def test_an_audience_of_one_broadcast_is_a_dash_in_the_others():
    vip, new = AudienceRow("vip", 10, 5, 5, 0.5), AudienceRow("new", 30, 1, 1, 1 / 30)

    rows = audiences_of([report("a", by_audience=[vip]), report("b", by_audience=[vip, new])]).rows

    assert [row.name for row in rows] == ["new", "vip"]
    assert [cell.value for cell in rows[0].cells] == [NONE, f"3.3{NARROW}%"]


def test_so_many_audiences_are_shown_and_the_others_are_counted():
    many = [AudienceRow(f"audience-{number}", 1, 0, 0, 0.0) for number in range(MOST_AUDIENCES + 7)]

    found = audiences_of([report("a", by_audience=many)])

    assert len(found.rows) == MOST_AUDIENCES
    assert found.left_out == 7


@pytest.mark.parametrize(
    ("ids", "fault"),
    [
        ([], "no broadcast is chosen: choose 2 to 5"),
        (["a"], "only one broadcast is chosen: choose 2 to 5"),
        (list("abcdef"), "6 broadcasts are chosen: choose 2 to 5"),
        (["a", "b", "a"], 'broadcast "a" is chosen twice: choose 2 to 5'),
    ],
)
def test_a_choice_that_cannot_be_compared_is_refused_with_what_to_do(ids, fault):
    with pytest.raises(Problem, match=fault):
        check_compared(ids)
