"""Whether browsers write a user agent so, and what in it no browser writes. Pure.

A monitor, a page-speed tool or a scanner that drives a real browser leaves its name in the browser's string. On a phone
every app's web view does so too; at a desk only browsers that are known by name here do.
"""

import re
from functools import lru_cache
from importlib.resources import files

_REMEMBERED = 16_384

# The part in brackets names a system that people hold or sit at. Some apps and proxies leave the brackets out.
_BROWSER = re.compile(
    r"""Mozilla/\d+\.\d+\ ?(?:\[\w\w(?:-\w\w)?\]\ ?)?\(?[^)]*(?:iPhone|iPad|iPod|Android|Windows|Win\ ?9|Macintosh|X11
            |CrOS|Linux|Tizen|Web0S|webOS|hpwOS|Smart-?TV|SmartHub|NetCast|DTV|PlayStation|PSP|Nintendo|Xbox|BB10|BlackBerry
            |PlayBook|OpenHarmony|Mobile|Symbian|Series\ ?[346]0|MeeGo|Maemo|Bada|KAIOS|Kindle|BREW|Windows\ CE|MIDP
            |Haiku|BeOS|AmigaOS|RISC\ OS|FreeBSD|OpenBSD|SunOS|OS/2).*
            (?:AppleWebKit|WebKit/|Gecko/|Trident/|Goanna/|KHTML/|MSIE\ |NetFront|Opera\ |Presto/|Konqueror/|Maple
            |POLARIS|Dolfin/|Obigo|UP\.Browser|Profile/MIDP|UCBrowser|Version/\d|Netscape|PlayStation|CE-HTML|HbbTV
            |SmartTV|IEMobile|IPTV)
        | Mozilla/5\.0\ \((?:compatible;\ (?:U;\ )?)?(?:Konqueror|WebPositive|IBrowse)/?
        | Mozilla/[45]\.\d\d?\ ?\((?:compatible;\ ?MSIE|PlayStation|SMART-TV|SmartHub|SAMSUNG|iPad;|iPhone;)
        | Mozilla/[2-4]\.\d+\w*\ (?:\[\w\w\]\ )?\((?:Win|X11|Mac)
        | Opera/\d+\.\d+\ (?:\(|NETTV|X11)
        | (?:DoCoMo|J-PHONE|SoftBank|Vodafone|KDDI-\w+|UCWEB|UP\.Browser|portalmmm|emobile|WILLCOM)[/\d\ ]
        | (?:Nokia|SAMSUNG|SEC-|LGE?-?|BlackBerry|SonyEricsson|MOT-|Motorola|ZTE|HTC|Huawei|Alcatel|SIE-|SHARP
            |Panasonic|SAGEM|PHILIPS|Lenovo|TIANYU|Karbonn|Micromax|Spice|Lava)[^\ /]*[/\ ].*
            (?:MIDP|Browser|Obigo|NetFront|Teleca|WAP|Opera)""",
    re.X | re.S | re.I,
)
_DESK = re.compile(r"Mozilla/5\.0 \((?![^()]*Android)[^()]*(?:Windows NT|Macintosh|X11|Linux x86_64)[^()]*\)", re.S)
# Browsers of the last century, television sets and headsets write what they like.
_FREE = re.compile(
    r"MSIE |Trident/|\bTV\b|SmartTV|HbbTV|SMART-TV|VIDAA|CrKey|VIZIO|CE-HTML|NETTV|Roku/|Tesla/|\bVR\b|\[FB|Viera"
    r"|OpenHarmony|\barmv?\d|rv:[01]\.",
    re.I,
)
_ENTERPRISE_BUILD = re.compile(r"; (?:Mozilla )?Firefox [\d.]+ - [\d.\-]+\Z")
_COMMENT = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)")
_SYSTEM_PART = re.compile(
    r"""\s*(?:Windows(?:\ NT\ [\d.]+)?|Win64|WOW64|x64|ARM64|ARM|Macintosh|(?:Intel|PPC)\ Mac\ OS\ X.*|X11|U|N|I|Wayland
        |CrOS\ [\w.\ ]+|(?:Linux|FreeBSD|OpenBSD|NetBSD|DragonFly|SunOS|Windows|GNU/Linux|Android)(?:[\ _-][\w.\ \-]+)?
        |Ubuntu|Fedora|Debian|Mint|Arch\ Linux|Kubuntu|Manjaro|SUSE|Gentoo|openSUSE|Tizen.*|Touch|Mobile|Tablet
        |Tablet\ PC\ [\d.]+|Xbox(?:\ One)?|[a-z]{2}|[a-z]{2}[-_][A-Za-z]{2}|rv:[\d.a-z]+|.NET\ .*|arm
        |Media\ Center\ PC.*
        |SLCC\d|MA[A-Z]{2}\w*|Mac_PowerPC|Chromium\ GOST|compatible|wv|Model/.*|DeX
        |Valve\ Steam.*|chromeframe.*|WebView/.*|Lumia.*|WUID=.*|WTB=.*|NCLIENT.*|x86_64|i[3-6]86|aarch64|)\s*""",
    re.X | re.I,
)
_LATER_COMMENT = re.compile(
    r"\((?:KHTML,? like Gecko|like Gecko|\s*\.NET .*|Debian.*|.*Ubuntu.*|.*Fedora.*|CentOS.*|Gentoo.*|Mint.*|Swfdec.*"
    r"|Change: .*|hardy|lucid|jaunty|karmic|intrepid|maverick|natty|gutsy|gfe|beta|Swiftfox"
    r"|Edition .*|Build \w+|unlike .*|CK-\w+)\)",
    re.I | re.S,
)
_WRITTEN_BY_BROWSERS = frozenset(files("visitors").joinpath("data/browser_words.txt").read_text().splitlines())


@lru_cache(_REMEMBERED)
def is_browser(agent: str) -> bool:
    """Whether a string that names no machine is a browser's or a web view's."""
    return _BROWSER.match(agent) is not None


@lru_cache(_REMEMBERED)
def no_browser_writes(agent: str) -> bool:
    """Whether a browser's string has a part that no browser writes at a desk, or a mark inside "KHTML, like Gecko"."""
    if "like Gecko;" in agent or "like Gecko, " in agent:
        return True
    system = _DESK.match(agent)
    if system is None or _FREE.search(agent):
        return False
    rest = _ENTERPRISE_BUILD.sub("", agent[system.end() :])
    parts = system[0].partition("(")[2][:-1].split(";")
    return (
        not all(_SYSTEM_PART.fullmatch(part) for part in parts)
        or not all(_LATER_COMMENT.fullmatch(comment) for comment in _COMMENT.findall(rest))
        or not all(product.split("/")[0] in _WRITTEN_BY_BROWSERS for product in _COMMENT.sub(" ", rest).split())
    )
