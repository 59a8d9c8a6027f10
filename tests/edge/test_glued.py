from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.glued import code_of, id_before_letters, readings
from records.code import CodeCipher

CIPHER = CodeCipher(bytes(range(16)))


@pytest.mark.parametrize(
    "glued", [".", ",", ")", "!", "?", "'", '"', "\u201d", "\u2019", "/", ").", "%22", "%E2%80%9D", "%29.", "/."]
)
def test_punctuation_that_an_app_glued_on_is_not_part_of_the_code(glued):
    assert code_of(b"/aB3dE5fG7" + glued.encode()) == "aB3dE5fG7"


GLUED = (
    "\u2026", "\u00ab", "\u201e", "*", "~", "**", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\n", "\r\n", "\t",
    "\u3002", "\uff0c", "\u3001", "\uff01", "\uff1f", "\uff09", "\u3011", "\u300d", "\u300f", "\uff1a", "\uff1b",
    "\uff0e", "\u300b", ". ", ".\u00a0", "\u3002\u200b\n", "\u2026\u201d",
)  # fmt: skip


@pytest.mark.parametrize("glued", GLUED, ids=ascii)
def test_what_apps_and_people_glue_on_is_not_part_of_the_code_encoded_or_raw(glued):
    assert code_of(b"/aB3dE5fG7" + quote(glued, safe="").encode()) == "aB3dE5fG7"
    assert code_of(b"/aB3dE5fG7" + glued.encode()) == "aB3dE5fG7"
    assert code_of(b"/aB_-" + glued.encode()) == "aB_-"


@pytest.mark.parametrize(
    "path",
    [
        b"/\x00",
        b"/" + b"a" * 65,
        b"/" + b"a" * 10_000,
        b"//",
        b"/%",
        b"/" + b"%61" * 65,
        "/\u200ea".encode(),
        b"/&a",
        b"/*",
    ],
)
def test_a_path_that_cannot_be_a_code_is_none(path):
    assert code_of(path) == ""


@given(st.binary(max_size=300))
def test_no_path_raises_or_gives_a_code_with_odd_characters(path):
    code = code_of(b"/" + path)
    assert all(character.isascii() and (character.isalnum() or character in "-_") for character in code)


TEXTS = (
    "\u200e", "\u200f\u202c", "\u2066a\u2069", "\u060c\u0645", "\u061f", "\u06d4 \u0634", "\u066b5", "\u2014und mehr",
    "\u2013bis", "\u2011x", "をご覧ください", "\uff0c谢谢", "확인하세요", "привет", "\u0964", "é", "\U0001f600abc",
    "\u2018a\u2019", "\u00bbabc", "&fbclid=IwAR0abc", "?utm_source=x", "=a", ".Danke", ")and", "|a", "@a", "+1", "%a",
    "/a", "\\a", "\x00a",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize("code", ["aB3dE5fG7", "SALE", "a_b-c", "x" * 64])
def test_what_no_code_can_hold_ends_the_code_whatever_follows(code, text):
    for follows in ("", "abc", "." + "long " * 500):
        assert code_of(f"/{code}{quote(text + follows, safe='')}".encode()) == code
        assert code_of(f"/{code}{text}{follows}".encode()) == code


@pytest.mark.parametrize("path", ["/ＳＡＬＥ－２４", "/ＳＡＬＥ－２４！", "/Ｓale-２４。", "/ＳALE-24を見て"])
def test_a_slug_typed_in_wide_letters_is_the_one_of_the_poster(path):
    assert code_of(path.encode()).upper() == "SALE-24"
    assert code_of(quote(path).encode()).upper() == "SALE-24"
    assert code_of("/aB3dE5fG7ＳＡＬＥ".encode()) == "aB3dE5fG7"


@pytest.mark.parametrize(
    "path", [b"/\xef\xbc", b"/\xef\xbd\x9e", b"/%EF%BC%81", b"/\xef\xbc\xa1\xff" + b"\xef\xbc\xa1" * 70]
)
def test_wide_letters_that_are_no_code_are_none(path):
    assert code_of(path) in ("", "AA")


def test_a_code_may_come_percent_encoded():
    assert code_of(b"/%61B3dE5fG7%E3%80%82abc") == "aB3dE5fG7"
    assert code_of(b"/" + b"%61" * 64) == "a" * 64


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.text(max_size=200))
def test_a_code_is_found_before_any_text_that_does_not_go_on_with_it(code, text):
    begins = quote(text[:1], safe="")
    if begins and not begins[0].isalnum() and begins[0] not in "-_":
        assert code_of(f"/{code}{quote(text, safe='')}".encode()) == code


def test_a_dash_or_underscore_may_be_glued_on_and_may_be_of_a_slug():
    assert readings("aB3dE5fG7-siehe-unten") == ("aB3dE5fG7-siehe-unten", "aB3dE5fG7")
    assert readings("aB3dE5fG7__") == ("aB3dE5fG7__", "aB3dE5fG7")
    assert readings("SALE_") == ("SALE_", "SALE")
    assert readings("summer-sale") == ("summer-sale",)
    assert readings("big-sale1-x") == ("big-sale1-x",)
    assert readings("--") == ("--",)


def test_an_unknown_code_may_begin_with_one_that_was_issued():
    code = CIPHER.seal(5)

    assert id_before_letters(code + "Danke", CIPHER) == 5
    assert id_before_letters(code, CIPHER) is None
    assert id_before_letters("SALE-Danke", CIPHER) is None
