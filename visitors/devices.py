"""User agent -> device, operating system and browser, as far as the string says."""

import re
from functools import lru_cache

import msgspec
import ua_parser
from ua_parser import Parser
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver

from visitors.apps import app_named_in

MAX_NAME = 64  # longer names are made up
_REMEMBERED = 16_384  # some 12 MB; a morning's traffic has a few thousand distinct strings


class Device(msgspec.Struct, frozen=True, gc=False):
    """What a user agent says of itself; "" is what it does not say. Field names are columns of `clicks`."""

    device_type: str  # phone, tablet, desktop, tv, wearable, console, other
    device_brand: str
    device_model: str
    os: str
    os_version: str
    browser: str
    browser_version: str


class Devices:
    """Reads user agents; each distinct string is looked at once while it is remembered."""

    def __init__(self) -> None:
        # The explicit resolver: without its Rust part ua-parser must fail here, not become 25 times slower.
        self._parser = Parser(Resolver(load_builtins()))
        self.parse = lru_cache(_REMEMBERED)(self._read)

    def _read(self, user_agent: str, sec_ch_ua: str = "") -> Device:
        """sec_ch_ua: the client hint, in which browsers that write Chrome's string give their own name."""
        found = self._parser.parse(user_agent)
        browser, version = _browser(user_agent, sec_ch_ua, found.user_agent)
        brand, model = _brand_and_model(found.device)
        is_machine = found.device is not None and found.device.brand == "Spider"
        return Device(
            device_type="other" if is_machine else device_type_of(user_agent),
            device_brand=brand,
            device_model=model,
            os=found.os.family[:MAX_NAME] if found.os else "",
            os_version=_os_version(user_agent, found.os),
            browser=browser,
            browser_version=version,
        )


_CONSOLE = re.compile(r"PlayStation|Nintendo|Xbox", re.I)
_TV = re.compile(
    r"Smart-?TV|Web0S|GoogleTV|Google TV|Android TV|Apple ?TV|HbbTV|BRAVIA|Roku/|CrKey|\bAFT[A-Z0-9]+\b|\bTV\b"
    r"|CE-HTML|NETTV|NetCast|SmartHub|VIDAA|Viera|VIZIO|\bOMI/",
    re.I,
)
_WEARABLE = re.compile(r"Apple ?Watch|\bWatch ?OS\b|\bWear ?OS\b|Android Wear|SM-R[89]\d\d|Galaxy Watch", re.I)
_TABLET = re.compile(
    r"iPad|Tablet|PlayBook|\bKF[A-Z]{2,6}\b|\bSM-[TPX]\d{3}|\bGT-P\d|\bGT-N(?:80|51)"
    r"|MediaPad|\bTab\b|[_ ]Pad\b|\bTB-?[X\d]",
    re.I,
)
_PHONE = re.compile(r"iPhone|iPod|Windows Phone|KAIOS|Opera Mini|BlackBerry|BB10|Symbian|OpenHarmony|\bMobile\b", re.I)
_DESKTOP = re.compile(r"Windows NT|Macintosh|CrOS|X11|Linux x86_64", re.I)
_BROWSERS_LANGUAGE = re.compile(r"Mozilla/|Opera/")


def device_type_of(user_agent: str) -> str:
    """The kind of device a user agent names; Android without "Mobile" is a tablet (Chrome, "User-Agent strings")."""
    if not _BROWSERS_LANGUAGE.match(user_agent):
        return "other"  # Dalvik, okhttp, CFNetwork: programs whose strings do not follow the rules below
    for device_type, pattern in _IN_ORDER:
        if pattern.search(user_agent):
            return device_type
    return "other"


_IN_ORDER = (
    ("console", _CONSOLE),
    ("tv", _TV),
    ("wearable", _WEARABLE),
    ("tablet", _TABLET),
    ("phone", _PHONE),
    ("tablet", re.compile(r"Android")),
    ("desktop", _DESKTOP),
)

_NO_MODELS = {"K", "Smartphone", "Tablet", "Feature Phone"}
# Chrome's reduced strings name no model ("K") and no version ("Android 10"): both are placeholders.
_REDUCED_ANDROID = re.compile(r"\(Linux; Android 10; K\)")
# macOS stays "10_15_7" and, from Safari 26 on, iOS stays "18_x" whatever is installed.
_FROZEN_MAC = re.compile(r"Intel Mac OS X 10(_15_7\b|\.15;)")
_SAFARI_ON_IOS = re.compile(r"(?:iPhone OS|CPU OS) (\d+)_.*Version/(\d+)\.(\d+)")


def _brand_and_model(device: ua_parser.Device | None) -> tuple[str, str]:
    if device is None or device.brand == "Spider":
        return "", ""
    brand, model = (device.brand or "")[:MAX_NAME], (device.model or "")[:MAX_NAME]
    if brand.startswith("Generic"):
        return "", "" if model in _NO_MODELS else model
    return brand, model


def _os_version(user_agent: str, os: ua_parser.OS | None) -> str:
    if os is None or _REDUCED_ANDROID.search(user_agent) or _FROZEN_MAC.search(user_agent):
        return ""
    safari = _SAFARI_ON_IOS.search(user_agent)
    if safari and int(safari[2]) >= 26 > int(safari[1]):
        return f"{safari[2]}.{safari[3]}"
    return _dotted(os.major, os.minor, os.patch)


# Brave and others send the very string of Chrome; only the hint tells them apart.
_HINTED = re.compile(
    r'"(Brave|Vivaldi|DuckDuckGo|Ecosia|Opera GX|Avast Secure Browser|Norton Private Browser)";v="(\d{1,9})'
)


def _browser(user_agent: str, sec_ch_ua: str, read: ua_parser.UserAgent | None) -> tuple[str, str]:
    """Name and version: of the app whose web view it is, of the client hint, or of the string."""
    if app := app_named_in(user_agent):
        return app[0], app[1][:MAX_NAME]
    if hinted := _HINTED.search(sec_ch_ua):
        return hinted[1], hinted[2]
    return read.family[:MAX_NAME] if read else "", _browser_version(read)


def _browser_version(browser: ua_parser.UserAgent | None) -> str:
    """Major and minor; "126" rather than "126.0", which reduced strings always say."""
    if browser is None:
        return ""
    return _dotted(browser.major, None if browser.minor == "0" else browser.minor)


def _dotted(*parts: str | None) -> str:
    return ".".join(part for part in parts if part)[:MAX_NAME]
