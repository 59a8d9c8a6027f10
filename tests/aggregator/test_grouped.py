from hypothesis import given
from hypothesis import strategies as st

from aggregator.grouped import grouped


def test_items_of_equal_keys_share_the_first_of_them():
    found = grouped(["apple", "bean", "avocado", "cherry", "beet"], key=lambda word: word[0])

    assert found.values == ["apple", "bean", "cherry"]
    assert list(found.group_of) == [0, 1, 0, 2, 1]
    assert found.spread() == ["apple", "bean", "apple", "cherry", "bean"]


def test_what_is_made_of_a_group_is_made_once():
    made = []

    lengths = grouped(["a", "b", "a", "a"], key=str).each(lambda word: made.append(word) or len(made))

    assert made == ["a", "b"]
    assert lengths.spread() == [1, 2, 1, 1]


@given(st.lists(st.integers(0, 5)))
def test_every_item_keeps_its_own_value(items):
    assert grouped(items, key=int).each(str).spread() == [str(item) for item in items]
