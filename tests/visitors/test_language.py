import pytest
from hypothesis import given
from hypothesis import strategies as st

from visitors.language import first_known, language_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en-US,en;q=0.9", "en-US"),
        ("en-us", "en-US"),
        ("zh-hant-TW;q=0.8, en;q=0.7", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de", "de"),
        ("de;q=0.5,en;q=0.9", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=0", ""),
        (", ,de", "de"),
        ("*,fr;q=0.4", "fr"),
        ("de ; Q = 0.3 ,\ten;q=1.000", "en"),
        ("de;q=2, en;q=0.1", "en"),
        ("de;q=abc, en;q=0.001", "en"),
        ("de;level=1, en;q=0.1", "en"),
        ("en,de", "en"),
        ("iw-IL,iw;q=0.9,en-US;q=0.8", "he-IL"),
        ("in-ID", "id-ID"),
        ("ji", "yi"),
        ("ar-EG-u-nu-latn,ar;q=0.9", "ar-EG"),
        ("th-TH-u-ca-buddhist-nu-thai", "th-TH"),
        ("zh-Hant-HK-x-pig", "zh-Hant-HK"),
        ("sr-latn-rs;q=0.8", "sr-Latn-RS"),
        ("en-u", ""),
        ("x-pig", ""),
        ("", ""),
        ("*", ""),
        ("en_US", ""),
        ("<script>", ""),
        ("a" * 300, ""),
    ],
)
def test_the_language_is_the_tag_that_weighs_most(header, language):
    assert language_of(header) == language


MEMBERS = st.lists(
    st.tuples(st.sampled_from(["en", "de", "fr", "es", "it"]), st.integers(0, 1000)), unique_by=lambda member: member[0]
)
SPACES = st.lists(st.sampled_from(["", " ", "\t"]), min_size=6, max_size=6)


@given(MEMBERS, SPACES)
def test_any_list_by_the_grammar_gives_the_first_of_those_that_weigh_most(members, spaces):
    written = [
        f"{space}{tag}{space};{space}q={weight / 1000:.3f}"
        for (tag, weight), space in zip(members, spaces, strict=False)
    ]
    weighty = [(tag, weight) for tag, weight in members if weight]

    expected = max(weighty, key=lambda member: member[1])[0] if weighty else ""

    assert language_of(",".join(written)) == expected
    assert language_of(",,".join([*written, " "])) == expected


@given(st.text(max_size=200))
def test_no_text_raises(text):
    assert len(language_of(text)) <= 35


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ja, fr;q=0.2, en;q=0.7", "en"),
        ("pt-BR", "pt"),
        ("en;q=0, fr;q=0.1", "fr"),
        ("fr, de", "fr"),
        ("deu", ""),
        ("ja,*", ""),
        ("", ""),
    ],
)
def test_of_the_languages_that_are_known_the_one_that_weighs_most_counts(header, language):
    assert first_known(header, {"en", "de", "fr", "pt"}) == language
