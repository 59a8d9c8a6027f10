import pytest
from starlette.requests import Request

from control.http.lists import Page, cursor_to, cut, page_of
from control.http.problems import Problem

PLACE = tuple[int, str]


def asked(query):
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def test_a_page_has_a_hundred_items_unless_it_says_otherwise():
    assert page_of(asked(""), PLACE) == Page(100, None)
    assert page_of(asked("limit=1000"), PLACE) == Page(1000, None)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1e3", "", "ten", "\u0661", "9" * 5000])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(Problem) as raised:
        page_of(Request({"type": "http", "query_string": f"limit={limit}".encode(), "headers": []}), PLACE)

    assert (raised.value.status, raised.value.field) == (422, "limit")


@pytest.mark.parametrize("cursor", ["x", "%00", "bnVsbA", cursor_to((1,)), cursor_to(("a", "b")), "a" * 10_000])
def test_a_cursor_that_no_page_gave_is_refused(cursor):
    with pytest.raises(Problem) as raised:
        page_of(asked(f"cursor={cursor}"), PLACE)

    assert (raised.value.status, raised.value.field) == (422, "cursor")


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_together_are_the_list_also_while_things_are_added(limit):
    items = [(number, "") for number in range(0, 14, 2)]
    seen, cursor = [], None

    while True:
        page = page_of(asked(f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")), PLACE)
        here, cursor = cut(items, page, lambda item: item)
        seen += here
        items = sorted([*items, (-len(seen), "new")])  # before what was seen
        if cursor is None:
            break

    assert seen == [(number, "") for number in range(0, 14, 2)]
