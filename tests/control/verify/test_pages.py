import pytest

from control.verify.fetch import Fetched, Trouble
from control.verify.pages import is_page, may_recover, page_findings, soft_404

URL = "https://shop.example/sale"
NOW_S = 1_798_000_000.0
YEAR_S = 365 * 86_400


def fetched(status=200, body=b"<title>Sale</title>Forty shoes at half the price", **fields):
    answer = {"hops": (URL,), "status": status, "body": body, "headers": {"content-type": "text/html"}}
    return Fetched(**answer | {"certificate_ends_at_s": NOW_S + YEAR_S} | fields)


def found(page, final_hosts=()):
    return [(each.outcome, each.check) for each in page_findings(URL, page, final_hosts, NOW_S)]


def test_a_page_that_answers_is_no_finding():
    assert found(fetched()) == []
    assert found(fetched(hops=(URL, "https://www.shop.example/sale"))) == []


@pytest.mark.parametrize("status", [404, 410, 500, 502, 503, 304])
def test_a_dead_page_fails(status):
    assert found(fetched(status)) == [("fail", "status")]


@pytest.mark.parametrize("status", [401, 403, 406, 429])
def test_a_page_that_may_turn_robots_away_is_neither_passed_nor_failed(status):
    assert found(fetched(status)) == [("unsure", "status")]


def test_a_503_with_a_challenge_may_be_for_robots_only():
    assert found(fetched(503, b"<title>Just a moment...</title>")) == [("unsure", "status")]


@pytest.mark.parametrize(
    "page",
    [
        fetched(body=b"<form><input name=x type='password'></form>"),
        fetched(hops=(URL, "https://shop.example/login?to=1")),
    ],
)
def test_a_log_in_is_for_a_person_to_look_at(page):
    assert found(page) == [("unsure", "status")]


@pytest.mark.parametrize(
    ("trouble", "finding"),
    [
        (Trouble.NO_ADDRESS, ("fail", "address")),
        (Trouble.NOT_ALLOWED, ("fail", "address")),
        (Trouble.NO_NAME_SERVER, ("unsure", "address")),
        (Trouble.TLS, ("fail", "tls")),
        (Trouble.REFUSED, ("fail", "status")),
        (Trouble.TIMEOUT, ("unsure", "status")),
        (Trouble.LOOP, ("fail", "redirects")),
        (Trouble.TOO_MANY_REDIRECTS, ("fail", "redirects")),
        (Trouble.BAD_LOCATION, ("fail", "redirects")),
    ],
)
def test_each_trouble_is_a_finding(trouble, finding):
    assert found(fetched(0, trouble=trouble, detail="it is away")) == [finding]


def test_every_trouble_has_its_finding():
    for trouble in Trouble:
        assert len(found(fetched(0, trouble=trouble))) == 1


def test_the_page_must_end_where_the_sender_says():
    page = fetched(hops=(URL, "https://evil.example/"))

    assert found(page, {"shop.example"}) == [("fail", "final-host")]
    assert found(page, {"evil.example"}) == []
    assert found(page) == [("warn", "final-host")]


def test_what_costs_taps_is_a_warning():
    assert found(fetched(seconds=3.1)) == [("warn", "status")]
    assert found(fetched(bytes_announced=3_000_001)) == [("warn", "status")]
    assert found(fetched(body=b"This domain is for sale!")) == [("warn", "soft-404")]
    assert found(fetched(hops=(URL, URL + "1", URL + "2"))) == [("warn", "redirects")]
    assert found(fetched(hops=("http://shop.example/", URL))) == [("warn", "http")]
    assert found(fetched(certificate_ends_at_s=NOW_S + 20.9 * 86_400)) == [("warn", "certificate-age")]
    assert found(fetched(certificate_ends_at_s=NOW_S + 21 * 86_400)) == []
    assert found(fetched(certificate_ends_at_s=None)) == []


def test_only_what_a_moment_can_explain_is_tried_twice():
    assert all(may_recover(fetched(status)) for status in (404, 410, 500, 503))
    assert not any(may_recover(fetched(status)) for status in (200, 301, 401, 403, 429))
    assert may_recover(fetched(0, trouble=Trouble.TIMEOUT))
    assert not may_recover(fetched(0, trouble=Trouble.TLS))


MISSING = (
    b"<html><title>Shop</title><script>var a = 1</script><h1>Nothing here</h1>"
    b"<p>Try our search instead of this page</p>"
)


def test_a_page_like_that_of_a_path_that_does_not_exist_is_a_soft_404():
    findings = soft_404(URL, fetched(body=MISSING), fetched(body=MISSING.replace(b"a = 1", b"a = 2")))

    assert [(each.outcome, each.check) for each in findings] == [("warn", "soft-404")]


@pytest.mark.parametrize("mark", [b"<![x", b"<![foo[ bar ]]>", b"<![endif]-->", b"<!["])
def test_a_mark_that_is_no_html_does_not_stop_the_comparison(mark):
    page = fetched(body=MISSING.replace(b"<h1>", mark + b"<h1>"))

    assert [each.check for each in soft_404(URL, page, page)] == ["soft-404"]


@pytest.mark.parametrize(
    "missing",
    [
        fetched(404, MISSING),
        fetched(body=MISSING.replace(b"Shop", b"Not found")),
        fetched(body=MISSING + b"<p>A wholly other text than that one, with many words of its own in it</p>"),
        fetched(0, trouble=Trouble.TIMEOUT),
    ],
)
def test_another_answer_to_a_missing_path_is_none(missing):
    assert soft_404(URL, fetched(body=MISSING), missing) == []


def test_only_pages_are_compared():
    assert not is_page(fetched(headers={"content-type": "application/pdf"}))
    assert soft_404(URL, fetched(body=b"", headers={}), fetched(body=b"", headers={})) == []
