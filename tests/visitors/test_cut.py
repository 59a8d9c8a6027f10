import pytest

from visitors.cut import cut


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", ""), ("abc", "abc"), ("abcdef", "abcde"), ("ab\N{SNOWMAN}", "ab\N{SNOWMAN}"), ("abc\N{SNOWMAN}", "abc")],
)
def test_a_cut_text_ends_in_a_whole_character(text, kept):
    assert cut(text, 5) == kept
