"""Segments, counted again by two other implementations and by hand."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messages.segments import BASIC, EXTENSION, Counted, counted, first_beyond_gsm7
from tests.support.segments import by_two_others

EURO, ROCKET = "€", "🚀"
ALPHABETS = (BASIC, EXTENSION, "абвé’“春`ç\t\u00a0", ROCKET + "👩𝄞")
TEXTS = st.lists(
    st.sampled_from(ALPHABETS).flatmap(lambda alphabet: st.text(alphabet, min_size=1, max_size=90)), max_size=6
).map("".join)
BOUNDARY = st.tuples(st.sampled_from("aа"), st.integers(60, 160), st.sampled_from(EURO + ROCKET), st.integers(0, 170))


@settings(max_examples=300)
@given(TEXTS | BOUNDARY.map(lambda made: made[0] * made[1] + made[2] + made[0] * made[3]))
@example("a" * 152 + EURO + "a" * 152)
@example("б" * 66 + ROCKET + "б" * 66)
@example(EURO * 80)
@example("a" * 160)
@example("a" * 161)
def test_two_other_implementations_count_the_same(text):
    if not text:
        return
    count = counted(text)

    assert by_two_others(text) == ((count.encoding, count.segments),) * 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, Counted("gsm7", 160, 1)),
        ("a" * 161, Counted("gsm7", 161, 2)),
        ("a" * 306, Counted("gsm7", 306, 2)),
        ("a" * 307, Counted("gsm7", 307, 3)),
        ("a" * 158 + EURO, Counted("gsm7", 160, 1)),
        ("a" * 152 + EURO + "a" * 152, Counted("gsm7", 306, 3)),  # 306 septets would fit into 2, were they split
        ("б" * 70, Counted("ucs2", 70, 1)),
        ("б" * 71, Counted("ucs2", 71, 2)),
        ("б" * 66 + ROCKET + "б" * 66, Counted("ucs2", 134, 3)),
        ("👩\u200d👩\u200d👧\u200d👦", Counted("ucs2", 11, 1)),
        ("`", Counted("ucs2", 1, 1)),
        ("Ç", Counted("gsm7", 1, 1)),
        ("ç", Counted("ucs2", 1, 1)),
    ],
)
def test_what_the_standard_says(text, count):
    assert counted(text) == count


def test_the_character_that_costs_a_segment_is_the_first_outside_the_alphabet():
    assert [first_beyond_gsm7(text) for text in ("Zoë’s", "a€b", "春")] == ["ë", "", "春"]
