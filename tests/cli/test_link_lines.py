import csv
from io import StringIO

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.link_lines import COLUMNS, link_lines
from contacts.bad_lines import BadLine
from control.http.schemas import LinkLine

links = st.builds(
    LinkLine,
    contact_id=st.text(st.sampled_from('aé,;"\\\r\n{}:') | st.characters(exclude_categories=["Cs"]), min_size=1),
    destination_index=st.integers(0, 31),
    link_id=st.integers(0, 2**63),
    code=st.text("aB3", min_size=9, max_size=9),
    short_url=st.text("aB3", min_size=9, max_size=9).map(lambda code: f"https://go.acme.example/{code}"),
    existing=st.sampled_from([True, msgspec.UNSET]),
)


def link(contact_id, existing=msgspec.UNSET):
    return LinkLine(contact_id, 0, 7, "aB3dE5fG7", "https://go.acme.example/aB3dE5fG7", existing)


def lines_of(*records):
    return msgspec.json.Encoder().encode_lines(records)


@given(st.lists(links, max_size=5))
@example([link("a,b"), link("c")])
@example([link('say "hi"')])
@example([link("tab\tand \r"), link("c")])
@example([link('{"contact_id":"')])
@example([link(',"existing":true}'), link("c", existing=True)])
def test_links_are_written_as_pythons_csv_writes_them(given):
    expected = StringIO()
    csv.writer(expected, lineterminator="\n").writerows([[getattr(each, name) for name in COLUMNS] for each in given])

    found = link_lines(lines_of(*given))

    assert found.csv.decode() == expected.getvalue()
    assert (found.links, found.existing) == (len(given), sum(each.existing is True for each in given))
    assert not found.others


@pytest.mark.parametrize("error", ["contact_id is empty", 'it has ",,,,"', "a, b, c, d"])
def test_lines_that_are_no_links_are_kept_apart(error):
    found = link_lines(lines_of(link("a"), BadLine(3, error), link("b", existing=True)))

    assert [row.partition(b",")[0] for row in found.csv.splitlines()] == [b"a", b"b"]
    assert (found.links, found.existing) == (2, 1)
    assert [(other.line, other.error) for other in found.others] == [(3, error)]


def test_a_problem_that_cuts_the_answer_off_is_no_link():
    (problem,) = link_lines(lines_of({"type": "/docs#unavailable", "detail": "ClickHouse is away"})).others

    assert (problem.error, problem.detail) == ("", "ClickHouse is away")


def test_fields_that_a_later_service_adds_do_no_harm():
    line = b'{"contact_id":"a","destination_index":0,"link_id":7,"code":"c","short_url":"https://d/c","more":"x"}\n'

    assert link_lines(line).csv == b"a,0,7,c,https://d/c\n"
