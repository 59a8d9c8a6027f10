from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.trusted_proxies import forwarded_for, x_forwarded_for
from edge.visit import asked_in, visit_reader
from records.address import packed_address
from records.networks import Networks
from routing.visit import NO_ADDRESS

PROXIES = Networks([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def scope(path=b"/aB3dE5fG7", client="198.51.100.7", **headers):
    return {
        "method": "GET",
        "raw_path": path,
        "query_string": b"",
        "client": (client, 4711),
        "headers": [(name.replace("_", "-").encode(), value) for name, value in headers.items()],
    }


def reader(proxies, header="x-forwarded-for"):
    visit_from = visit_reader(proxies, header)
    return lambda scope: visit_from(*asked_in(scope))


def test_a_forwarded_address_is_believed_only_behind_a_trusted_proxy():
    read = reader(PROXIES)

    direct = read(scope(client="198.51.100.7", x_forwarded_for=b"203.0.113.1"))
    behind = read(scope(client="10.0.0.5", x_forwarded_for=b"203.0.113.1"))

    assert direct.address == packed_address("198.51.100.7")
    assert behind.address == packed_address("203.0.113.1")


@pytest.mark.parametrize(("header", "address"), [("x-forwarded-for", "203.0.113.1"), ("forwarded", "198.51.100.7")])
def test_only_the_header_that_the_proxies_write_is_read(header, address):
    """Proxies pass the other one on as the visitor sent it (RFC 7239 8.1)."""
    read = reader(PROXIES, header)

    visit = read(scope(client="10.0.0.5", x_forwarded_for=b"203.0.113.1", forwarded=b"for=198.51.100.7"))

    assert visit.address == packed_address(address)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"x_forwarded_for": b"1.1.1.1, 203.0.113.1, 10.2.2.2"}, "203.0.113.1"),
        ({"x_forwarded_for": b"203.0.113.1:1234"}, "203.0.113.1"),
        ({"x_forwarded_for": b"junk"}, "10.0.0.5"),
        ({"x_forwarded_for": b"203.0.113.1, junk"}, "10.0.0.5"),
        ({"forwarded": b'for=1.1.1.1, for="[2001:db8::1]:80";proto=https'}, "2001:db8::1"),
        ({"forwarded": b"for=203.0.113.1, for=10.2.2.2, proto=https"}, "10.0.0.5"),
        ({"x_forwarded_for": b"203.0.113.1,, ,"}, "203.0.113.1"),
        ({"x_forwarded_for": b",203.0.113.1,10.2.2.2,"}, "203.0.113.1"),
        ({"forwarded": b'for="203.0.113.1, for=10.9.9.9";by=x'}, "10.0.0.5"),
        ({"forwarded": b'by="a,b;for=10.9.9.9";FOR = "203.0.113.1"'}, "203.0.113.1"),
        ({"forwarded": b'for="\\2\\0\\3.0.113.1:47011", , '}, "203.0.113.1"),
        ({"forwarded": b'host="a\\",for=9.9.9.9";for=203.0.113.1'}, "203.0.113.1"),
        ({"forwarded": b"for=203.0.113.1;for=9.9.9.9"}, "10.0.0.5"),
        ({"forwarded": b'for="203.0.113.1'}, "10.0.0.5"),
        ({"forwarded": b"for=_hidden, for=unknown"}, "10.0.0.5"),
        ({}, "10.0.0.5"),
    ],
)
def test_what_stands_left_of_the_first_untrusted_hop_may_be_forged(headers, address):
    read = reader(PROXIES, "forwarded" if "forwarded" in headers else "x-forwarded-for")

    assert read(scope(client="10.0.0.5", **headers)).address == packed_address(address)


def test_long_and_odd_headers_are_cut_not_refused():
    visit = reader(Networks())(scope(user_agent=b"\xff" * 5000, client="not an address"))

    assert len(visit.user_agent) == 1024
    assert visit.address == NO_ADDRESS


def test_prefetch_and_fetch_headers_are_kept_as_evidence():
    visit = reader(Networks())(scope(sec_purpose=b"prefetch", x_moz=b"prefetch", sec_fetch_mode=b"navigate"))

    assert visit.purpose == "prefetch prefetch"
    assert visit.sec_fetch == "- navigate - -"


def test_a_visit_of_verification_is_known_by_its_mark():
    visit_from = visit_reader(Networks(), is_own=lambda code, mark: (code, mark) == ("aB3dE5fG7", "sealed"))

    assert visit_from(*asked_in(scope(taptrail_verify=b"sealed", purpose=b"prefetch"))).purpose == "own-verify"
    assert visit_from(*asked_in(scope(taptrail_verify=b"forged", purpose=b"prefetch"))).purpose == "prefetch"
    assert visit_from(*asked_in(scope(b"/aB3dE5fG8", taptrail_verify=b"sealed"))).purpose == ""


def test_nobody_else_can_say_that_verification_made_a_visit():
    for header in ("purpose", "sec_purpose", "x_purpose", "x_moz"):
        assert reader(Networks())(scope(**{header: b"own-verify"})).purpose == ""


# The grammars of RFC 7239 4 and RFC 9110 5.6: what a sender may write, with the hops that it then names.
TOKENS = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=6)
SPACE = st.text(" \t", max_size=2)
NOTHING = st.sampled_from(["", " ", "\t"])
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
PORTS = st.sampled_from(["", ":80", ":47011"])
NAMES = st.sampled_from(["by", "host", "proto", "forwarded", "x"])


def any_case(word):
    return st.tuples(*(st.sampled_from([letter, letter.upper()]) for letter in word)).map("".join)


@st.composite
def quoted(draw, text):
    """A quoted-string that stands for this text; any character may be escaped, these two must be."""
    escapes = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return '"' + "".join("\\" + c if c in '"\\' or escape else c for c, escape in zip(text, escapes, strict=True)) + '"'


@st.composite
def nodes(draw):
    """What stands behind `for=`, and the address it names."""
    address, port = draw(st.tuples(V4, PORTS) | st.tuples(V6, PORTS))
    if ":" in address:
        return draw(quoted(f"[{address}]{port}")), address
    return (draw(quoted(address + port)), address) if port or draw(st.booleans()) else (address, address)


@st.composite
def elements(draw):
    """One member of Forwarded: parameters in any order, a `for` among them, or none."""
    text = st.text('"\\,;=:for abc[]', max_size=12)
    values = TOKENS | text.flatmap(quoted)
    pairs = [f"{name}={draw(values)}" for name in draw(st.lists(NAMES, unique=True, max_size=3))]
    address = ""
    if not pairs or draw(st.booleans()):
        node, address = draw(nodes())
        pairs.insert(draw(st.integers(0, len(pairs))), f"{draw(any_case('for'))}={node}")
    return draw(SPACE) + ";".join(pairs) + draw(SPACE), address


def listed(members):
    """A list of these members, with empty ones between (RFC 9110 5.6.1.2), and what the members name."""
    empty = NOTHING.map(lambda text: (text, None))
    return st.lists(members | empty, max_size=6).map(
        lambda parts: (",".join(text for text, _ in parts), [named for _, named in parts if named is not None])
    )


@given(listed(elements()))
def test_forwarded_is_read_by_its_grammar(header):
    value, addresses = header

    assert forwarded_for(value) == addresses


@given(listed(st.tuples(SPACE, V4 | V6, SPACE).map(lambda parts: ("".join(parts), parts[1]))))
def test_x_forwarded_for_is_read_as_a_list_of_addresses(header):
    value, addresses = header

    assert x_forwarded_for(value) == addresses


@given(st.text('"\\,;=: \tfor[]12.ab', max_size=60), listed(elements()))
def test_nothing_that_a_visitor_sends_hides_what_proxies_append(forged, appended):
    """Unless it opens a quoted string: then nothing right of it can be told from its text, and no hop is named."""
    value, addresses = appended
    hops = forwarded_for(f"{forged},{value}")

    if '"' not in forged:
        assert hops[len(hops) - len(addresses) :] == addresses
    read = reader(PROXIES, "forwarded")(scope(client="10.0.0.5", forwarded=f"{forged},{value}".encode("latin-1")))
    assert len(read.address) == 16
