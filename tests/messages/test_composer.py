import pytest
from hypothesis import given

from messages.composer import Composer
from messages.segments import counted
from messages.template import parsed
from messages.warnings import Kind, Warned
from tests.messages.test_segments import TEXTS

URL = "https://go.acme.example/aB3dE5fG7"
SHOP = "https://shop.example/"


def composer(text, **options):
    template = parsed(text)
    return Composer(template, template.urls, "go.acme.example", **options)


def names(text, fields=None, **options):
    return [warned.warning for warned in composer(text, **options).message(fields or {}, [URL] * 9).warnings]


def test_fields_and_links_stand_in_their_places():
    made = composer(f"Hi {{name|there}}: {SHOP} or {SHOP}b or {SHOP}").message({}, [URL, URL + "b"])

    assert made.text == f"Hi there: {URL} or {URL}b or {URL}"
    assert composer(f"Hi {{name|there}}: {SHOP}").message({"name": ""}, [URL]).text == f"Hi : {URL}"


@given(TEXTS, TEXTS)
def test_the_fast_way_counts_as_the_whole_text_does(constant, value):
    constant = "".join(character for character in constant if character.isprintable() and character not in "{}")
    made = composer(f"{constant} {{a}} {SHOP}").message({"a": value}, [URL])

    assert (made.encoding, made.units, made.segments) == counted(made.text)


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        (f"Hi: {SHOP}", []),
        (f"{SHOP} is it", []),
        (f"Hi: {SHOP}.", []),
        (f"「{SHOP}」。", [Kind.UNICODE]),
        (f"\u200f{SHOP}؟", [Kind.UNICODE]),
        (f"Bonjour : «\u00a0{SHOP}\u00a0» !", [Kind.UNICODE]),
        (f"Hi: {SHOP} bye", [Kind.LINK_INSIDE]),
        (f"{SHOP}a and {SHOP}b", [Kind.SEVERAL_LINKS]),
        (f"a {SHOP}a and {SHOP}b", [Kind.SEVERAL_LINKS, Kind.LINK_INSIDE]),
        (f"x shop.example {SHOP}", [Kind.BARE_DOMAIN]),
        ("Hi https://bit.ly/x", [Kind.PUBLIC_SHORTENER]),
        ("x" * 161 + f" {SHOP}", [Kind.SEVERAL_SEGMENTS]),
        ("x" * 500 + f" {SHOP}", [Kind.SEVERAL_SEGMENTS, Kind.OVER_THREE]),
    ],
)
def test_what_every_message_of_a_text_is_warned_of(text, warned):
    assert names(text) == warned


def test_the_character_that_costs_segments_is_named_with_its_field():
    made = composer(f"{{name}} {SHOP}").message({"name": "Zoë ę"}, [URL])

    assert made.warnings == (Warned(Kind.UNICODE, "ë", "name"),)
    assert composer(f"a’b {{name}} {SHOP}").message({"name": "Ada"}, [URL]).warnings == (Warned(Kind.UNICODE, "’"),)


@pytest.mark.parametrize(
    "value", ["https://evil.example/x", "www.evil.example", "evil.com/x", "bit.ly", "詳細はhttps://evil.example"]
)
def test_a_url_in_a_field_is_named(value):
    made = composer(f"{{name}} {SHOP}").message({"name": value}, [URL])

    assert Warned(Kind.URL_IN_FIELD, field="name") in made.warnings


@pytest.mark.parametrize("value", ["Dr. Who", "17.99", "A/B", "St. Ives", "a.b@c.example"])
def test_what_no_app_makes_a_link_of_is_no_url_in_a_field(value):
    assert names(f"{{name}} {SHOP}", {"name": value}) == []


@pytest.mark.parametrize("value", ["", " ", "\u00a0", "\u3000"])
def test_a_field_that_is_there_and_empty_is_named_once(value):
    made = composer(f"Hi {{name|there}}, {{name}} {SHOP}").message({"name": value}, [URL])

    assert [warned for warned in made.warnings if warned.warning == Kind.EMPTY_FIELD] == [
        Warned(Kind.EMPTY_FIELD, field="name")
    ]


def test_a_field_of_a_destination_that_is_empty_is_named():
    made = composer(f"Hi: {SHOP}o/{{order}}?n={{contact_id}}").message({"order": ""}, [URL])

    assert made.warnings == (Warned(Kind.EMPTY_FIELD, field="order"),)


def test_an_empty_default_is_meant():
    assert names(f"Hi{{title|}}! {SHOP}") == []
    assert names(f"Hi {{name|there}}! {SHOP}", {"name": "Ada", "other": ""}) == []


def test_a_text_says_how_to_opt_out_where_that_is_asked_for():
    assert names(f"Hi {SHOP}", asks_opt_out=True) == [Kind.NO_OPT_OUT]
    assert names(f"Reply STOP to end. {SHOP}", asks_opt_out=True) == []


@pytest.mark.parametrize(
    "text",
    ["退订回T", "配信停止はこちら", "무료수신거부 080", "لإلغاء الاشتراك", "להסרה השב הסר", "रोकने के लिए", "ยกเลิก ตอบ 0",
     "İptal için",
     "Στείλτε ΔΙΑΓΡΑΦΉ", "Từ chối: soạn TC", "Abmelden", "ARRÊT", "STOPSMS"],
)  # fmt: skip
def test_a_text_says_how_to_opt_out_in_its_own_language(text):
    assert Kind.NO_OPT_OUT not in names(f"{text} {SHOP}", asks_opt_out=True)
