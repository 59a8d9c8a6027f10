from urllib.parse import quote

import pytest

from messages.template import FieldSlot, LinkSlot, TextFault, moved, parsed

SHOP = "https://shop.example/o/{order}"


def test_a_text_is_constants_fields_and_links():
    template = parsed("Hi {first_name|there} {{x}}, see " + SHOP + ".")

    assert template.parts == (
        "Hi ", FieldSlot("first_name", "there"), " {x}, see ", LinkSlot(SHOP), ".",
    )  # fmt: skip
    assert (template.urls, template.fields, template.required) == ([SHOP], {"first_name"}, frozenset())


def test_a_url_that_occurs_twice_is_one_destination():
    assert parsed(f"{SHOP} or https://b.example or {SHOP}").urls == [SHOP, "https://b.example"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("See https://a.example/x.", "https://a.example/x"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("See https://a.example/a_(b)", "https://a.example/a_(b)"),
        ("“https://a.example/x”…", "https://a.example/x"),
        ("«https://a.example/x» now", "https://a.example/x"),
        ("https://a.example/?c={contact_id}&d=1, ok", "https://a.example/?c={contact_id}&d=1"),
        ("HTTPS://A.example/x;", "HTTPS://A.example/x"),
        ("https://münchen.example/ß", "https://münchen.example/ß"),
        ("go http://a.example:8080/x\nnow", "http://a.example:8080/x"),
    ],
)
def test_a_url_ends_where_a_reader_sees_its_end(text, url):
    assert parsed(text).urls == [url]


SALE = "https://shop.example/s"
BEFORE = (
    "詳細は", "请访问", "확인: ", "و", "ดูที่", "👉", "「", "（", "„", "«", "\u200f", "\u2068", "\ufeff", "❤\ufe0f", "ב־",
)  # fmt: skip
AFTER = (
    "。ありがとう", "」をご覧", "、", "，谢谢", "）", "】", "》", "！", "？", "؟", "، شكرا", "۔", "״", "।", "॥", "“",
    "‘", "›", "»", ";", "…", "–", "—", " – x", "🎉", "❤\ufe0f", "👈🏽 x", "™", "。」", ".🎉", ")🎉", "\u200f.",
    "\u2069", "\u200b", "\u200cx", "\u00a0!", "\u202f!", "\u3000です", "\u00ad", "．", "｡", "～", "።",
)  # fmt: skip


@pytest.mark.parametrize("after", AFTER, ids=ascii)
def test_a_url_needs_no_space_where_its_language_has_none(after):
    for before in BEFORE:
        assert parsed(f"{before}{SALE}{after}").parts == (before, LinkSlot(SALE), after)


@pytest.mark.parametrize(
    "url",
    ["https://例え.jp/商品/春", "https://مثال.example/سعر", "https://i❤.example/x", "https://shop.example/?q=春&p=1",
     "https://shop.example/cafe\u0301", "https://ایران.example/می\u200cخواهم", "https://shop.example/ürün", "https://पैसा.भारत/हिन्दी"],
)  # fmt: skip
def test_letters_of_any_script_may_stand_in_a_url(url):
    assert parsed(f"x {url} y").urls == [url]


LETTERS = ("をご覧", "谢谢", "에서", "شكرا", "ค่ะ", "पर", "και", "и", "ー")
MARKS = ("’e", "'den", "–now", "—x", "・x", "\ufe0f\u20e3")
UNCLEAR = [*((SALE, each) for each in LETTERS + MARKS), *(("https://shop.example", each) for each in LETTERS)]


@pytest.mark.parametrize(("url", "after"), [*UNCLEAR, *((SHOP, each) for each in LETTERS)], ids=ascii)
def test_where_nobody_can_tell_the_end_of_a_url_it_is_asked_for(url, after):
    with pytest.raises(TextFault) as caught:
        parsed(f"詳細は{url}{after}")

    assert f"column {len(url) + 4}: does the URL end before" in str(caught.value)
    assert quote(after[0]) in str(caught.value)
    assert parsed(f"{url}{after}", [url + after]).urls == [url + after]
    if after[0] != "'":
        assert parsed(f"{url}{after}", [url]).urls == [url]


def test_a_destination_that_was_taken_with_its_punctuation_is_still_found():
    assert parsed(f"「{SALE}」", [f"{SALE}」"]).urls == [f"{SALE}」"]
    assert moved(f"「{SALE}」", [SALE], [f"{SALE}2"]) == f"「{SALE}2」"


def test_what_is_decomposed_is_composed_but_not_in_a_url():
    template = parsed("e\u0301 {a|e\u0301} https://shop.example/e\u0301 \u1112\u1161\u11ab")

    assert template.parts == (
        "é ", FieldSlot("a", "é"), " ", LinkSlot("https://shop.example/e\u0301"), " \ud55c",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Hi {first_name, see https://a.example", "line 1, column 4: a brace is opened and not closed"),
        ("Hi\nx} https://a.example", "line 2, column 2: a brace was not opened"),
        ("{First} https://a.example", "line 1, column 1: {First} names no field"),
        ("{a.b} https://a.example", "names no field"),
        ("{} https://a.example", "names no field"),
        ("https://{shop}.example/x", "line 1, column 1: no URL follows here; a field may not stand in scheme or host"),
        ("{a|https://b.example/} https://a.example", "no URL follows here"),
        ("ご案内 https：//shop.example", "column 5: https：// is in wide characters; write https://"),
        ("https:／／shop.example", "wide characters"),
        ("ｈｔｔｐｓ://shop.example", "wide characters"),
        ("https://a.example/{a|b}", "a field has no default"),
        ("https://a.example/{{b}}", "single brace"),
        ("no link", "holds no URL"),
        ("see shop.example", "write https:// before shop.example"),
        ("https://a.example\r\x1b[2J", "line 1, column 19: a control character (U+001B)"),
        ("https://a.example " + "x" * 20_000, "has 20018 characters; at most 10000"),
    ],
)
def test_what_a_text_may_not_be_is_named_by_line_and_column(text, named):
    with pytest.raises(TextFault) as caught:
        parsed(text)

    assert named in str(caught.value)


def test_a_text_follows_its_destinations():
    text = f"A {SHOP} B https://b.example C {SHOP}"

    assert moved(text, [SHOP, "https://b.example"], ["https://new.example/{order}", "https://b.example"]) == (
        "A https://new.example/{order} B https://b.example C https://new.example/{order}"
    )


def test_a_url_that_stands_twice_among_the_destinations_is_its_first_as_in_messages():
    assert moved(f"A {SHOP}", [SHOP, SHOP], ["https://first.example", "https://second.example"]) == (
        "A https://first.example"
    )
