import pytest

from control.catalogue.app_schemes import AppSchemes, is_web
from control.catalogue.destination_rules import destination_fault, destination_host


def fault(url, allow_http=False, allow_private=False, template=True):
    return destination_fault(url, allow_http=allow_http, allow_private=allow_private, template=template)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/sale",
        "https://shop.example:8443/a?b=c&d=%7B#e",
        "https://shop.example/{contact_id}?code={code}&b={broadcast_id}#{click_id}",
        "https://bücher.example/straße",
        "HTTPS://SHOP.EXAMPLE",
        "https://8.8.8.8/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://[2606:4700::1111]/",
        "https://my_shop.example/",
    ],
)
def test_a_public_https_url_may_be_a_destination(url):
    assert fault(url) is None


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("", "empty"),
        ("http://shop.example/", "its scheme is http"),
        ("javascript:alert(1)", "its scheme is javascript"),
        ("data:text/html,hello", "its scheme is data"),
        ("shop.example/sale", "its scheme is missing"),
        ("//shop.example/sale", "its scheme is missing"),
        ("https:shop.example", "its scheme is https"),
        ("https:///sale", "no host"),
        ("https://user:secret@shop.example/", "before the host"),
        ("https://shop.example@evil.example/", "before the host"),
        ("https://shop.example\\@evil.example/", "backslash"),
        ("https://shop.example/a\r\nSet-Cookie: b", "control character (U+000D)"),
        ("https://shop.example/a\tb", "control character (U+0009)"),
        ("https://shop.example/\x00", "control character (U+0000)"),
        ("https://shop.example/\x85", "control character (U+0085)"),
        (" https://shop.example/", "a space"),
        ("https://shop.example:0/", "port is 0"),
        ("https://shop.example:99999/", "Port out of range"),
        ("https://[::1/", "not a URL"),
        ("https://-shop.example/", "not a host name"),
        ("https://shop..example/", "not a host name"),
        ("https://sho%70.example/", "not a host name"),
        ("https://shop.example/" + "a" * 2028, "2049 bytes"),
        ("https://shop.example/{Name}", "unknown placeholder {Name}"),
        ("https://shop.example/{audience}", "unknown placeholder {audience}"),
        ("https://shop.example/{a}{b}/x", "may become a step in the path"),
        ("https://shop.example/.{a}", "may become a step in the path"),
        ("https://shop.example/%2E{a}?x", "may become a step in the path"),
        ("https://{order}/", "placeholder in its scheme or host"),
        ("https://shop.example/{", "single brace"),
        ("https://shop.example/%zz", "'%zz', which is no percent-encoding"),
        ("https://shop.example/?off=20%", "'%', which is no percent-encoding; write %25"),
        ("https://shop.example/%{code}", "which is no percent-encoding"),
        ("https://{contact_id}.shop.example/", "placeholder in its scheme or host"),
        ("https://shop.example{code}", "placeholder in its scheme or host"),
    ],
)
def test_what_a_destination_may_not_be_is_named(url, named):
    assert named in fault(url)


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.localhost", "printer", "nas.local", "10.0.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254",
     "0.0.0.0", "100.64.0.1", "224.0.0.1", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]",
     "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[::]"],
)  # fmt: skip
def test_an_address_that_recipients_cannot_reach_is_refused_except_in_trials(host):
    assert "cannot reach" in fault(f"https://{host}/")
    assert fault(f"https://{host}/", allow_private=True) is None


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001"])
def test_numbers_that_browsers_read_as_addresses_are_refused_even_in_trials(host):
    assert fault(f"https://{host}/", allow_private=True)


def test_http_is_a_destination_only_when_allowed():
    assert fault("http://shop.example/", allow_http=True) is None


def test_what_is_not_a_template_holds_no_placeholder():
    assert "placeholder {code}" in fault("https://shop.example/{code}", template=False)


def test_a_host_is_compared_in_one_form():
    for url in ("https://GO.Acme.example./x", "https://go.acme.example:444/{code}", "https://go。acme.example",
                "https://\uff47\uff4f.acme.example", "https://g\u00ado.acme.example"):  # fmt: skip
        assert destination_host(url) == "go.acme.example"


def test_a_host_is_mapped_as_browsers_do_and_not_as_in_2003():
    assert destination_host("https://gruß.example/") == "xn--gru-7ka.example"
    assert destination_host("https://xn--GRU-7ka.example/") == "xn--gru-7ka.example"
    assert destination_host("https://gruss.example/") == "gruss.example"


def test_a_number_in_full_width_digits_is_refused():
    assert "number" in fault("https://\uff11\uff12\uff17.0.0.1/", allow_private=True)


APPS = AppSchemes.parse("mailto, TEL,sms,com.acme.shop+x")


def app_fault(url, template=True):
    return destination_fault(url, allow_http=False, allow_private=False, app_schemes=APPS, template=template)


@pytest.mark.parametrize(
    "url",
    [
        "mailto:{contact_id}@shop.example?subject=Grüße",
        "MailTo:info@shop.example",
        "tel:+4930123456",
        "sms:+4930123456?body={first_name}%0D%0AHello",
        "com.acme.shop+x://{code}/{a}?b={click_id}",
        "com.acme.shop+x:///sale",
    ],
)
def test_an_apps_scheme_is_a_destination_only_where_it_is_allowed(url):
    assert app_fault(url) is None
    assert fault(url)
    assert not is_web(url)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("whatsapp:x", "its scheme is whatsapp; expected https:// or mailto: or tel: or sms: or com.acme.shop+x:"),
        ("javascript:alert(1)", "its scheme is javascript"),
        ("java\tscript:alert(1)", "control character (U+0009)"),
        ("\x01javascript:alert(1)", "control character (U+0001)"),
        ("mailto:a@b.example\r\nSet-Cookie: c", "control character (U+000D)"),
        ("tel:+49 30", "a space"),
        ("tel:" + "1" * 2045, "2049 bytes"),
        ("tel:%zz", "no percent-encoding"),
        ("tel:{Name}", "unknown placeholder {Name}"),
        ("tel:{", "single brace"),
        ("{code}mailto:a", "placeholder in its scheme or host"),
        ("te{code}l:1", "placeholder in its scheme or host"),
        ("mailto:", "nothing after mailto:"),
        ("com.acme.shop+x://", "nothing after"),
        ("mailto", "its scheme is missing"),
        ("ｍailto:a@b.example", "its scheme is missing"),
    ],
)
def test_what_an_app_may_not_be_sent_is_named(url, named):
    assert named in app_fault(url)


def test_an_apps_url_that_is_no_template_holds_no_placeholder():
    assert "placeholder {code}" in app_fault("tel:{code}", template=False)


def test_an_apps_url_leads_to_no_host():
    assert destination_host("com.acme.shop+x://go.acme.example/x") == ""
    assert destination_host("mailto:a@go.acme.example") == ""


@pytest.mark.parametrize(
    "name",
    [
        "javascript",
        "data",
        "file",
        "vbscript",
        "blob",
        "about",
        "view-source",
        "filesystem",
        "content",
        "jar",
        "mhtml",
        "ms-msdt",
        "search-ms",
    ],
)
def test_what_runs_or_shows_the_url_itself_is_never_allowed(name):
    for spelling in (name, name.upper(), name.title(), f" {name} ", f"mailto,{name}", f"{name}\n", f"\t{name}"):
        with pytest.raises(ValueError, match=f"{name} is never allowed"):
            AppSchemes.parse(spelling)


@pytest.mark.parametrize(
    "name",
    [
        "mailto:",
        "1a",
        "a b",
        "java\tscript",
        "java\x00script",
        "javaſcript",
        "ａbout",
        "-a",
        "a/b",
        "a" * 65,
        "tel;sms",
    ],
)
def test_what_is_no_scheme_is_refused_by_name(name):
    with pytest.raises(ValueError, match="is no scheme"):
        AppSchemes.parse(name)


@pytest.mark.parametrize("name", ["http", "HTTPS"])
def test_a_page_is_no_app(name):
    with pytest.raises(ValueError, match="http by its own setting"):
        AppSchemes.parse(name)
