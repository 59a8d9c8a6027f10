import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from edge.pages.ink import contrast, luminance_of
from edge.pages.look import Look, look_of
from edge.pages.page import page_of
from edge.pages.texts import HOME, TEXTS
from records.domain import Domain
from records.page import Language, origin_of
from routing.reasons import Reason

NAMES = [*(reason.value for reason in Reason), HOME]
HOST = "go.acme.example"
LOGO = "https://cdn.acme.example/logo.svg"


def test_every_language_has_a_text_for_every_page():
    assert set(TEXTS) == set(get_args(Language))
    assert {language: set(texts) for language, texts in TEXTS.items()} == {each: set(NAMES) for each in TEXTS}


def test_no_two_languages_say_the_same():
    for name in NAMES:
        assert len({texts[name][1] for texts in TEXTS.values()}) == len(TEXTS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", TEXTS)
def test_a_page_says_its_language_and_its_text_and_the_brand_once(name, language):
    page = shown(name, Look("Acme", language, "#0a5", LOGO))

    assert f'<html lang="{language}">' in page
    assert page.count("Acme") == 1
    assert len(page.encode()) < 10_000
    assert re.findall("<(script|link|iframe|form|a) ", page) == []


def test_a_page_is_well_formed_whatever_a_brand_is_called():
    hostile = '</p><script>alert("1")</script>\u202e&amp;' + "W" * 200

    tags = Tags()
    tags.feed(shown(Reason.EXPIRED, Look(hostile)))

    assert "script" not in tags.seen
    assert tags.open == []
    assert hostile in tags.text


def test_neutral_colours_contrast_in_both_themes():
    page = shown(HOME, Look("Acme"))

    for theme in re.findall(r":root\{([^}]*)\}", page):
        color = dict(re.findall(r"--(\w+):(#\w+)", theme))
        for text in ("ink", "soft"):
            assert contrast(luminance_of(color[text]), luminance_of(color["card"])) >= 4.5


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://cdn.acme.example/logo.svg", "https://cdn.acme.example"),
        ("HTTPS://CDN.acme.example:8443?x", "https://cdn.acme.example:8443"),
        ("https://grüße.example/a", "https://xn--gre-6ka8l.example"),
        ("https://[::1]/a", ""),
        ("https://a_b.example/", ""),
        ("https://a.example;script-src *", ""),
        ("https://a.example@b.example/", ""),
        ("http://a.example/", ""),
        ("", ""),
    ],
)
def test_the_origin_of_an_image_is_what_a_policy_can_name(url, origin):
    assert origin_of(url) == origin


def test_what_is_no_look_is_left_out():
    look = look_of(Domain(HOST, "main", page={"color": "red;}", "logo": "x", "language": "tlh"}), HOST, "")

    assert look == Look(HOST)


def shown(name, look):
    return page_of(name, look)[1].decode()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open, self.text = set(), [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
