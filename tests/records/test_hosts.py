import string

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.hosts import MAX_CHARACTERS, ascii_host, host_in, host_of_authority, with_ascii_host


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Go.Acme.Example", "go.acme.example"),
        ("go.acme.example.", "go.acme.example"),
        ("gruß.example", "xn--gru-7ka.example"),
        ("GRUẞ.example", "xn--gru-7ka.example"),
        ("gruss.example", "gruss.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),  # a final sigma
        ("βόλοσ.example", "xn--nxasmq6b.example"),
        (
            "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example",
            "xn--mgba3gch31f060k.example",
        ),  # ZWNJ where Persian has it
        ("XN--GRU-7KA.example", "xn--gru-7ka.example"),
        (
            "\uff47\uff4f\uff0e\uff41\uff43\uff4d\uff45\uff0e\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45",
            "go.acme.example",
        ),
        ("go。acme｡example", "go.acme.example"),
        ("g\u00ado.example", "go.example"),  # a soft hyphen
        ("bu\u0308cher.example", "xn--bcher-kva.example"),  # a letter and its accent
        ("i❤.example", "xn--i-7iq.example"),
        ("my_shop.example", "my_shop.example"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
    ],
)
def test_a_host_has_one_form_the_one_that_browsers_send(host, name):
    assert ascii_host(host) == name
    assert ascii_host(name) == name


@pytest.mark.parametrize(
    "host",
    ["", ".", "a..example", "a.example..", "-a.example", "a-.example", "a b.example", "a/b", "go%2Eacme.example",
     "a\u200db.example", "xn--a.example", "xn--gruss-.example", "xn--.example", "a" * 64 + ".example", "ü" * 60 + ".e",
     "[::1", "[::1]:80", "[1.2.3.4]", "a:80", "\udcff.example", "\u202ego.example", "☕" * 5000],
)  # fmt: skip
def test_what_cannot_be_a_host_has_no_form(host):
    assert ascii_host(host) is None


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Go.Acme.Example", "go.acme.example"),
        ("go.acme.example:8080", "go.acme.example"),
        ("go.acme.example:", "go.acme.example"),
        (" go.acme.example.:443 ", "go.acme.example"),
        ("", ""),
        ("[::1]:80", "[::1]"),
        ("[0::1]", "[::1]"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("go.acme.example:80:80", ""),
        ("user@go.acme.example", ""),
        ("xn--gru-7ka.example:80", "xn--gru-7ka.example"),
        ("gruß.example".encode().decode("latin-1"), "xn--gru-7ka.example"),
        ("\xff.example", ""),
    ],
)
def test_the_host_of_a_header_is_read_without_case_port_and_dot(authority, host):
    assert host_of_authority(authority) == host


def test_a_host_longer_than_any_name_is_no_host():
    longest = ".".join(["a" * 63, "a" * 63, "a" * 63, "a" * 61])

    assert host_of_authority(f"{longest}.:65535") == longest
    assert host_of_authority("a" * (MAX_CHARACTERS + 1)) == ""


@given(st.text(max_size=300))
def test_any_text_is_a_host_in_ascii_or_none_and_its_form_is_its_own(text):
    name = ascii_host(text)

    assert name is None or ascii_host(name) == name
    assert name is None or set(name) <= set(string.ascii_lowercase + string.digits + "-_.:[]")


@given(st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=20))
def test_names_of_letters_are_what_the_standard_says(label):
    try:
        expected = idna.encode(f"{label}.example", uts46=True).decode()
    except idna.IDNAError:
        return

    assert ascii_host(f"{label}.example") == expected


def test_the_host_of_a_url():
    assert host_in("HTTPS://Gruß.Example.:8443/a?b") == "xn--gru-7ka.example"
    assert host_in("https://[0::1]:80/") == "[::1]"
    assert host_in("mailto:a@b.example") == host_in("https://[") == host_in("https:///a") == ""


def test_only_the_host_of_a_url_is_put_into_ascii():
    assert with_ascii_host("https://gruß.example:8443/gruß?ß#ß") == "https://xn--gru-7ka.example:8443/gruß?ß#ß"
    assert with_ascii_host("https://shop.example/gruß") == "https://shop.example/gruß"
    assert with_ascii_host("https://shop.example?ß") == "https://shop.example?ß"
    assert with_ascii_host("HTTP://gruß.example") == "HTTP://xn--gru-7ka.example"
    assert with_ascii_host("shop://gruß.example/") == "shop://gruß.example/"
    assert with_ascii_host("mailto:ß@shop.example") == "mailto:ß@shop.example"
