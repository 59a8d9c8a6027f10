import pytest

from records.account import is_account, within


def test_an_account_sees_itself_and_all_below_it():
    assert within("acme", "acme")
    assert within("acme/seattle/pier", "acme")
    assert not within("acmeco", "acme")
    assert not within("acme", "acme/seattle")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("acme", True), ("acme/seattle", True), ("7_a-b", True), ("", False), ("Acme", False), ("acme/", False),
     ("/acme", False), ("acme//pier", False), ("acme/-", False), ("acmé", False), ("acme\n", False),
     ("a" * 200, True), ("a" * 201, False), ("a/" * 100 + "a", False)],
)  # fmt: skip
def test_an_account_is_a_path_of_small_letters_and_digits(text, expected):
    assert is_account(text) is expected
