import pytest

from visitors.language import language_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en-US,en;q=0.9", "en-US"),
        ("en-us", "en-US"),
        ("zh-hant-TW;q=0.8, en", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de", "de"),
        ("", ""),
        ("*", ""),
        ("en_US", ""),
        ("<script>", ""),
        ("a" * 300, ""),
    ],
)
def test_the_language_is_the_first_tag(header, language):
    assert language_of(header) == language
