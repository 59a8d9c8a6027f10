from ipaddress import ip_network

import pytest

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
