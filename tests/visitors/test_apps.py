import pytest

from visitors.apps import app_named_in
from visitors.devices import Devices

IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; SM-S911B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0"
    " Chrome/140.0.0.0 Mobile Safari/537.36"
)
parse = Devices().parse


@pytest.mark.parametrize("phone", [IOS, ANDROID])
@pytest.mark.parametrize(
    ("rest", "app", "version"),
    [
        ("Instagram 397.0.0.32.81 (iPhone14,5; iOS 18_5; en_US)", "Instagram", "397"),
        ("[FBAN/FBIOS;FBAV/528.0.0.64.77;FBBV/1]", "Facebook", "528"),
        ("[FB_IAB/FB4A;FBAV/528.1.0.64.77;]", "Facebook", "528.1"),
        ("MetaIAB Facebook", "Facebook", ""),
        ("[FBAN/MessengerForiOS;FBAV/500.1.0.1]", "Facebook Messenger", "500.1"),
        ("[FB_IAB/Orca-Android;FBAV/500.1]", "Facebook Messenger", "500.1"),
        ("Barcelona 289.0.0.77.109 Android (34/14)", "Threads", "289"),
        ("musical_ly_20231 Channel/App app_version/31.5.3 BytedanceWebview/d8a21c6", "TikTok", "31.5"),
        ("trill_310503 BytedanceWebview/d8a21c6", "TikTok", ""),
        ("MicroMessenger/8.0.50(0x18003237) NetType/WIFI", "WeChat", "8"),
        ("Safari Line/14.5.0", "LINE", "14.5"),
        ("Snapchat/13.55.0.40 (like Safari/8618.2.12.10.9, panda)", "Snapchat", "13.55"),
        ("KAKAOTALK 10.4.5", "KakaoTalk", "10.4"),
        ("Gmail/6.0", "Gmail", "6"),
        ("GSA/300.0.598994205 Safari/604.1", "Google", "300"),
        ("[LinkedInApp]/9.29", "LinkedIn", "9.29"),
        ("Viber/27.4.0.0", "Viber", "27.4"),
        ("Telegram-Android/11.0.1 (Samsung SM-S911B; Android 14; SDK 34; HIGH)", "Telegram", "11"),
        ("NAVER(inapp; search; 1000; 12.5.1)", "Naver", "12.5"),
        ("Zalo android/12", "Zalo", "12"),
        ("Reddit/Version 2024.10", "Reddit", "2024.10"),
    ],
)
def test_an_apps_web_view_is_named(phone, rest, app, version):
    device = parse(f"{phone} {rest}")

    assert (device.browser, device.browser_version) == (app, version)
    assert device.device_type == "phone"


@pytest.mark.parametrize("agent", [IOS, ANDROID, "", "Line", "curl/8"])
def test_a_browser_of_its_own_is_no_app(agent):
    assert app_named_in(agent) is None
