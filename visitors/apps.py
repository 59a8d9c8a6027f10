"""In-app browsers: which app's web view a user agent names. Pure.

Apps that open links in the phone's own browser (Chrome's custom tabs, Safari's view) leave no name: Gmail on Android,
Messages, most mail.
"""

import re

# In order: an app that shows other apps' pages is named before the family it belongs to.
_APPS = tuple(
    (token, name, re.compile(version))
    for token, name, version in (
        ("Instagram", "Instagram", r"Instagram (\d+)(?:\.(\d+))?"),
        ("Barcelona ", "Threads", r"Barcelona (\d+)(?:\.(\d+))?"),
        ("MetaIAB Messenger", "Facebook Messenger", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("FBAN/Messenger", "Facebook Messenger", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("Orca-Android", "Facebook Messenger", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("MetaIAB", "Facebook", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("FBAN/FB", "Facebook", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("FB_IAB/", "Facebook", r"FBAV/(\d+)(?:\.(\d+))?"),
        ("musical_ly", "TikTok", r"app_version/(\d+)(?:\.(\d+))?"),
        ("BytedanceWebview", "TikTok", r"app_version/(\d+)(?:\.(\d+))?"),
        ("MicroMessenger/", "WeChat", r"MicroMessenger/(\d+)(?:\.(\d+))?"),
        (" Line/", "LINE", r" Line/(\d+)(?:\.(\d+))?"),
        ("Snapchat", "Snapchat", r"Snapchat/(\d+)(?:\.(\d+))?"),
        ("KAKAOTALK", "KakaoTalk", r"KAKAOTALK[ /](\d+)(?:\.(\d+))?"),
        ("Gmail/", "Gmail", r"Gmail/(\d+)(?:\.(\d+))?"),
        ("GSA/", "Google", r"GSA/(\d+)(?:\.(\d+))?"),
        ("LinkedInApp", "LinkedIn", r"LinkedInApp\]?/(\d+)(?:\.(\d+))?"),
        ("Viber/", "Viber", r"Viber/(\d+)(?:\.(\d+))?"),
        ("Telegram-", "Telegram", r"Telegram-\w+/(\d+)(?:\.(\d+))?"),
        ("NAVER(inapp", "Naver", r"NAVER\(inapp;[^)]*; (\d+)(?:\.(\d+))?"),
        ("Zalo ", "Zalo", r"Zalo \w+/(\d+)(?:\.(\d+))?"),
        ("Weibo", "Weibo", r"Weibo[^_]*__weibo__(\d+)(?:\.(\d+))?"),
        ("Reddit/", "Reddit", r"Reddit/Version (\d+)(?:\.(\d+))?"),
    )
)


def app_named_in(agent: str) -> tuple[str, str] | None:
    """The app whose web view wrote a user agent and its version, major and minor, "" where it says none."""
    for token, name, version in _APPS:
        if token in agent:
            found = version.search(agent)
            return name, _major_and_minor(found) if found else ""
    return None


def _major_and_minor(found: re.Match[str]) -> str:
    """As browsers' versions are written: "126" rather than "126.0"."""
    major, minor = found[1], found[2]
    return major if minor in {None, "0"} else f"{major}.{minor}"
