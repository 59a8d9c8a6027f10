import pytest

from tests.support.clicks import IPHONE, RECORDED, recorded_click
from visitors.devices import Device, Devices

parse = Devices().parse


def android(system: str, rest: str) -> str:
    return f"Mozilla/5.0 (Linux; Android {system}) AppleWebKit/537.36 (KHTML, like Gecko) {rest}"


def test_an_iphone_says_its_system_and_browser_but_no_model():
    assert parse(IPHONE) == Device("phone", "Apple", "iPhone", "iOS", "17.5.1", "Mobile Safari", "17.5")


def test_a_whole_android_string_names_brand_and_model():
    device = parse(android("13; SM-S911B", "Chrome/109.0.5414.117 Mobile Safari/537.36"))

    assert device == Device("phone", "Samsung", "SM-S911B", "Android", "13", "Chrome Mobile", "109")


def test_the_placeholders_of_a_reduced_android_string_are_no_model_and_no_version():
    device = parse(android("10; K", "Chrome/141.0.0.0 Mobile Safari/537.36"))

    assert device == Device("phone", "", "", "Android", "", "Chrome Mobile", "141")


def test_android_without_mobile_is_a_tablet():
    assert parse(android("10; K", "Chrome/140.0.0.0 Safari/537.36")).device_type == "tablet"


def test_the_version_safari_26_freezes_is_taken_from_the_browser():
    frozen = IPHONE.replace("17_5_1", "18_7").replace("Version/17.5", "Version/26.4")

    assert parse(frozen).os_version == "26.4"


@pytest.mark.parametrize(
    "system", ["Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", "Intel Mac OS X 10.15; rv:143.0) Gecko/20100101"]
)
def test_the_version_every_mac_says_is_none(system):
    device = parse(f"Mozilla/5.0 (Macintosh; {system} (KHTML, like Gecko) Version/18.6 Safari/605.1.15")

    assert (device.device_type, device.os, device.os_version) == ("desktop", "Mac OS X", "")


def test_a_crawler_that_pretends_to_be_a_phone_is_no_phone():
    device = parse(
        android("6.0.1; Nexus 5X Build/MMB29P", "Chrome/141.0.7390.65 Mobile Safari/537.36")
        + " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    )

    assert (device.device_type, device.device_brand, device.device_model) == ("other", "", "")


@pytest.mark.parametrize("agent", ["", "x", "curl/8.5.0", "Dalvik/2.1.0 (Linux; U; Android 14; SM-A546U)"])
def test_what_names_no_device_is_other(agent):
    assert parse(agent).device_type == "other"


def test_made_up_names_are_cut():
    device = parse(android("13; SAMSUNG " + "X" * 400, "Chrome/109.0.0.0 Mobile Safari/537.36"))

    assert len(device.device_model) <= 64


def test_a_string_is_read_once():
    devices = Devices()

    assert devices.parse(IPHONE) is devices.parse(IPHONE)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda visit: visit["name"])
def test_a_recorded_visit_has_its_device_type(recorded):
    assert parse(recorded_click(recorded).user_agent).device_type == recorded["expected_device_type"]


CHROME = android("10; K", "Chrome/140.0.0.0 Mobile Safari/537.36")


def test_a_browser_with_chromes_string_is_named_by_its_client_hint():
    device = parse(CHROME, '"Brave";v="140", "Not=A?Brand";v="24", "Chromium";v="140"')

    assert (device.browser, device.browser_version) == ("Brave", "140")


@pytest.mark.parametrize("hint", ["", '"Chromium";v="140"', '"Brave"', '"Brave";v="x"', '"Nobody";v="1"'])
def test_a_hint_without_a_known_name_leaves_the_string(hint):
    assert parse(CHROME, hint).browser == "Chrome Mobile"


@pytest.mark.parametrize(
    ("agent", "device_type"),
    [
        (android("9; SM-T510", "Chrome/109.0 Mobile Safari/537.36"), "tablet"),
        (android("9; Lenovo TB-X505F", "Chrome/109.0 Mobile Safari/537.36"), "tablet"),
        (android("4.4; Tab 10", "Chrome/109.0 Mobile Safari/537.36"), "tablet"),
        (android("9; R-TV BOX X10", "Chrome/109.0 Safari/537.36"), "tv"),
        ("Mozilla/5.0 (Linux; VIDAA 4.0) AppleWebKit/537.36 Chrome/84.0 Safari/537.36", "tv"),
    ],
)
def test_tablets_and_television_sets_are_known_by_their_models(agent, device_type):
    assert parse(agent).device_type == device_type
