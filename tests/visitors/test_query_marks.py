from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visitors.query_marks import MARKS, MAX_MARK_BYTES, MAX_PARAMETERS, marks_in


def test_the_list_of_names_is_short():
    assert len(MARKS) <= 16


@pytest.mark.parametrize(
    ("query", "marks"),
    [
        ("utm_source=x&gclid=y&other=z", {"utm_source": "x", "gclid": "y"}),
        ("other=z&email=a@b.example", None),
        ("gclid", None),
        ("gclid=&gclid=a&gclid=b", {"gclid": "a"}),
        ("utm%5Fsource=caf%C3%A9+noir%2B", {"utm_source": "café noir+"}),
        ("utm_source=caf\xc3\xa9", {"utm_source": "café"}),
        ("utm_source=caf%E9&fbclid=\xff", {"utm_source": "caf\ufffd", "fbclid": "\ufffd"}),
        ("fbclid=a%00b%0D%0A%1B%5B2J%C2%9B%7F", {"fbclid": "a\ufffdb\ufffd\ufffd\ufffd[2J\ufffd\ufffd"}),
        ("GCLID=a&gclid[]=b&xgclid=c", None),
        ("gclid=a=b;c&utm_id=%", {"gclid": "a=b;c", "utm_id": "%"}),
        ("&" * (MAX_PARAMETERS - 1) + "gclid=a", {"gclid": "a"}),
        ("&" * MAX_PARAMETERS + "gclid=a", None),
    ],
)
def test_of_a_query_known_marks_alone_are_kept(query, marks):
    assert marks_in(query) == marks


@pytest.mark.parametrize("value", ["a" * 5000, "%C3%A9" * 5000, "\xff" * 5000, "%00" * 5000, "é" * 5000])
def test_a_long_value_is_cut(value):
    (kept,) = (marks_in(f"gclid={value}") or {}).values()

    assert MAX_MARK_BYTES - 3 < len(kept.encode()) <= MAX_MARK_BYTES


@given(st.dictionaries(st.sampled_from(sorted(MARKS)), st.text(st.characters(categories=["L", "N"]), min_size=1)))
def test_what_was_encoded_is_read_back(marks):
    query = "&".join(f"{name}={quote(value)}" for name, value in marks.items())

    assert (marks_in(query) or {}) == {
        name: value.encode()[:512].decode(errors="ignore") for name, value in marks.items()
    }


@given(st.text(st.characters(max_codepoint=255)))
def test_any_query_is_read(query):
    for name, value in (marks_in(query) or {}).items():
        assert name in MARKS
        value.encode()
