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
