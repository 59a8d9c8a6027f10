import json
import re
from pathlib import Path

import pytest

from tests.support.clicks import IPHONE, RECORDED, click, recorded_click
from visitors.classify import Verdict, VisitClass, classify
from visitors.evidence import evidence_of, headers_of
from visitors.place import NOWHERE, Place

IMESSAGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1"
    " Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)
TAPPED = "none navigate ?1 document"


def judge(place: Place = NOWHERE, **changes: str) -> Verdict:
    return classify(evidence_of(headers_of(click(**changes)), place))


def judged_agent(agent: str) -> tuple[str, str]:
    verdict = judge(user_agent=agent)
    return verdict.visit_class.value, verdict.reasons[0]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda visit: visit["name"])
def test_a_recorded_visit_has_its_class(recorded):
    verdict = classify(evidence_of(headers_of(recorded_click(recorded)), NOWHERE))

    assert verdict.visit_class == recorded["expected_class"], verdict.reasons


def test_the_recorded_visits_cover_every_class_and_at_least_35_of_peoples_devices():
    assert {visit["expected_class"] for visit in RECORDED} == {known.value for known in VisitClass}
    assert len(RECORDED) >= 60
    assert sum(visit["expected_class"] == "human" for visit in RECORDED) >= 35


def test_the_classes_are_those_of_the_table():
    schema = Path("aggregator/schema/001_tables.sql").read_text()
    enum = re.search(r"visit_class Enum8\((.*?)\)", schema)

    assert re.findall(r"'(\w+)'", enum[1]) == [known.value for known in VisitClass]


@pytest.mark.parametrize("agent", [IPHONE, IMESSAGE, "curl/8.5.0", ""])
def test_head_is_never_a_person(agent):
    verdict = judge(method="HEAD", user_agent=agent, sec_fetch=TAPPED)

    assert verdict.visit_class not in {VisitClass.HUMAN, VisitClass.UNKNOWN}
    assert "method-head" in verdict.reasons


@pytest.mark.parametrize(
    "purpose",
    ["prefetch", "Prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip", "PREFETCH prefetch", "instant"],
)
def test_a_fetch_ahead_of_a_tap_is_a_prefetch(purpose):
    assert judge(purpose=purpose, sec_fetch=TAPPED) == Verdict(VisitClass.PREFETCH, ("purpose-prefetch",))


def test_an_old_preview_header_is_a_preview():
    assert judge(purpose="preview").visit_class == VisitClass.PREVIEW


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (IMESSAGE, ("preview", "agent-imessage-preview")),
        ("facebookexternalhit/1.1 Facebot Twitterbot/1.0", ("preview", "agent-facebook")),
        ("WhatsApp/2.23.18.78 i", ("preview", "agent-whatsapp")),
        ("WhatsApp/2", ("preview", "agent-signal")),
        ("Mozilla/5.0", ("scanner", "agent-bare-mozilla")),
        ("", ("scanner", "agent-empty")),
        (" ", ("scanner", "agent-empty")),
        ("-", ("scanner", "agent-empty")),
        ("Barracuda Sentinel (EE)", ("scanner", "agent-barracuda")),
        ("bitlybot/3.0", ("bot", "agent-bitly")),
        ("swcd (unknown version) CFNetwork/1568.200.51", ("bot", "agent-app-link-verifier")),
        ("Mozilla/5.0 (compatible; YandexBot/3.0)", ("bot", "agent-named-bot")),
        ("SomethingNew/1.0 (+https://example.com/why)", ("bot", "agent-web-address")),
        ("Viber", ("preview", "agent-viber")),
        ("MobileSMS/1.0 CFNetwork/1485 Darwin/23.1.0", ("unknown", "agent-app-library")),
        ("LinkOpener/1.0", ("unknown", "agent-not-known")),
    ],
)
def test_an_agent_is_known_by_name(agent, expected):
    assert judged_agent(agent) == expected


@pytest.mark.parametrize(
    "rest",
    [
        "Viber/11.9.5.8",
        "Snapchat/13.55.0.40 (SM-S911U; Android 14#1; gzip; )",
        "MetaIAB Facebook",
        "[FB_IAB/FB4A;FBAV/528.0.0.64.77;IABMV/1;]",
        "Instagram 397.0.0.32.81 Android (35/15; 420dpi; 1080x2274; Google/google; Pixel 8; shiba; en_US)",
    ],
)
def test_people_in_web_views_are_people(rest):
    agent = f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36 {rest}"

    assert judged_agent(agent) == ("human", "agent-browser")


@pytest.mark.parametrize("model", ["CUBOT NOTE 20", "CUBOT_KINGKONG_9", "Cubot"])
def test_a_cubot_phone_is_no_bot(model):
    agent = f"Mozilla/5.0 (Linux; Android 11; {model}) AppleWebKit/537.36 Chrome/108.0.0.0 Mobile Safari/537.36"

    assert judged_agent(agent) == ("human", "agent-browser")


def test_a_navigation_to_a_document_is_a_tap():
    assert judge(user_agent="New Browser", sec_fetch=TAPPED) == Verdict(VisitClass.HUMAN, ("fetch-navigate",))


def test_a_document_that_nobody_navigated_to_is_no_tap():
    assert judge(user_agent="New Browser", sec_fetch="none no-cors - document").visit_class == VisitClass.UNKNOWN


@pytest.mark.parametrize("sec_fetch", ["cross-site cors - empty", "cross-site no-cors - image"])
def test_a_fetch_of_a_script_or_picture_is_not_a_tap(sec_fetch):
    assert judge(sec_fetch=sec_fetch) == Verdict(VisitClass.UNKNOWN, ("fetch-not-a-page",))


@pytest.mark.parametrize("sec_fetch", ["", "none - - -", "-", "none navigate", "x" * 1024])
def test_headers_cut_short_leave_the_judgement_to_the_agent(sec_fetch):
    assert judge(sec_fetch=sec_fetch) == Verdict(VisitClass.HUMAN, ("agent-browser",))


def test_headless_chrome_is_told_by_its_hint_too():
    verdict = judge(sec_ch_ua='"Chromium";v="120", "HeadlessChrome";v="120"', sec_fetch=TAPPED)

    assert verdict == Verdict(VisitClass.BOT, ("hint-headless-chrome",))


def test_all_that_speaks_for_a_machine_is_told_and_the_agent_decides():
    verdict = judge(method="HEAD", user_agent="curl/8.5.0", purpose="prefetch")

    assert verdict == Verdict(VisitClass.BOT, ("agent-tool", "purpose-prefetch", "method-head"))


def test_a_browser_from_a_network_of_rented_machines_cannot_be_told():
    verdict = judge(Place(asn=16509, as_org="AMAZON-02"))

    assert verdict == Verdict(VisitClass.UNKNOWN, ("network-hosting", "agent-browser"))


def test_a_browser_from_a_mail_scanners_network_is_a_scanner():
    verdict = judge(Place(asn=22843, as_org="Proofpoint, Inc."))

    assert verdict == Verdict(VisitClass.SCANNER, ("network-security-vendor", "agent-browser"))


def test_a_preview_from_rented_machines_stays_a_preview():
    verdict = judge(Place(asn=16509, as_org="AMAZON-02"), user_agent="Slackbot-LinkExpanding 1.0")

    assert verdict == Verdict(VisitClass.PREVIEW, ("agent-slack", "network-hosting"))


def test_a_phone_networks_visitor_is_a_person():
    assert judge(Place(asn=21928, as_org="T-MOBILE-AS21928")).visit_class == VisitClass.HUMAN


def test_a_visit_of_verification_is_a_bot_whatever_else_it_looks_like():
    verdict = judge(purpose="own-verify", user_agent=IMESSAGE)

    assert (verdict.visit_class, verdict.reasons[0]) == (VisitClass.BOT, "own-verify")
    assert judge(purpose="own-verify", sec_fetch=TAPPED).visit_class is VisitClass.BOT


def test_the_networks_say_where_they_are_from_and_are_few():
    file = Path("visitors/data/networks.json")
    carried = json.loads(file.read_text())

    assert (carried["source"], carried["licence"]) == ("npm package @ip-location-db/asn", "CC-BY-4.0")
    assert file.stat().st_size < 50_000
    assert not carried["hosting"].keys() & carried["security"].keys()


@pytest.mark.parametrize("asn", [16509, 24940, 14061, 16276, 63949, 8075, 60781])
def test_a_rented_machine_is_known_by_its_networks_number(asn):
    assert judge(Place(asn=asn)).reasons[0] == "network-hosting"


@pytest.mark.parametrize(("asn", "who"), [(13335, "relay"), (36183, "relay"), (22616, "gateway"), (36692, "gateway")])
def test_people_behind_relays_and_company_gateways_are_people(asn, who):
    assert judge(Place(asn=asn)).visit_class is VisitClass.HUMAN
