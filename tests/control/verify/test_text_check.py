from control.verify.text_check import text_findings
from records.broadcast import Broadcast

SHOP, SALE = "https://shop.example/", "https://shop.example/sale"


def found(text, *destinations):
    broadcast = Broadcast(1, "main", "spring", "go.acme.example", destinations or (SHOP,), text=text)
    return [(each.outcome, each.check, each.detail) for each in text_findings(broadcast)]


def test_a_text_that_is_right_is_no_finding():
    assert found("") == []
    assert found(f"Hi {{first_name|there}}, look: {SHOP}") == []


def test_a_text_that_is_no_template_fails():
    ((outcome, check, detail),) = found(f"Hi {{first_name, {SHOP}")

    assert (outcome, check) == ("fail", "text")
    assert "a brace is opened and not closed" in detail


def test_a_url_that_is_no_destination_fails():
    assert found(f"New: {SALE}") == [("fail", "text", "the text has URLs that are none of the destinations")]


def test_what_costs_taps_is_a_warning():
    assert [each[0] for each in found(f"{SHOP} or {SALE}", SHOP, SALE)] == ["warn"]
    assert [each[2].split(":")[0] for each in found(f"Hi {SHOP} and more")] == ["link-neither-first-nor-last"]
    assert [each[2].split(":")[0] for each in found(SHOP, SHOP, SALE)] == [
        "destinations that stand nowhere in the text"
    ]
