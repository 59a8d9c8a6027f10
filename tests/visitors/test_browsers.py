from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clicks import IPHONE
from visitors.browsers import is_browser, no_browser_writes
from visitors.cut import MAX_AGENT_BYTES

ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {ENGINE} Chrome/140.0.0.0 Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {ENGINE} Version/18.6 Safari/605.1.15"
LINUX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {ENGINE} Chrome/140.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        *(WINDOWS, MAC, LINUX, ANDROID, IPHONE),
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
        "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
        "Nokia6230/2.0 (05.50) Profile/MIDP-2.0 Configuration/CLDC-1.1",
        "Mozilla/5.0 Linux; Android 7.0; BQ-5201 AppleWebKit/537.36 KHTML, like Gecko Chrome/73.0 Mobile Safari/537.36",
        "Mozilla/5.0 (PlayStation 4 Pro 5.0)",
        "Mozilla/5.0 (Linux; U; Android 2.2) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1",
    ],
)
def test_browsers_of_all_times_are_browsers(agent):
    assert is_browser(agent)
    assert not no_browser_writes(agent)


@pytest.mark.parametrize("agent", ["", "x", "LinkOpener/1.0", "Mozilla/5.0", "Mozilla/5.0 (compatible)", "Some words"])
def test_what_names_no_system_and_no_engine_is_no_browser(agent):
    assert not is_browser(agent)


@pytest.mark.parametrize(
    "agent",
    [
        f"{WINDOWS} Assetly/1.0.0",
        f"{WINDOWS} (via a proxy)",
        f"{MAC} Seen",
        f"{LINUX} Probe/2",
        WINDOWS.replace("Windows NT", "probe; Windows NT"),
        LINUX.replace("Ubuntu", "Probely"),
        MAC.replace("like Gecko", "like Gecko; Finder"),
        ANDROID.replace("like Gecko", "like Gecko; Finder"),
    ],
)
def test_no_browser_at_a_desk_writes_a_tools_name(agent):
    assert no_browser_writes(agent)


@pytest.mark.parametrize("app", ["Shop/3.2", "(an app)", "Snapchat/13.55.0.40 (SM-S911U; Android 14#1; gzip; )"])
def test_an_app_on_a_phone_may_write_its_name(app):
    assert not no_browser_writes(f"{ANDROID} {app}")
    assert not no_browser_writes(f"{IPHONE} {app}")


@pytest.mark.parametrize("rest", ["Edg/140.0.0.0", "OPR/120.0.0.0", "YaBrowser/25.10.6.63 SA/3", "Vivaldi/7.5"])
def test_a_browser_at_a_desk_may_write_its_name(rest):
    assert not no_browser_writes(f"{WINDOWS} {rest}")


@given(st.text("aA0 ./-_;:()[]", min_size=MAX_AGENT_BYTES - 40, max_size=MAX_AGENT_BYTES))
def test_no_agent_keeps_the_rules_busy(text):
    for start in ("", "Mozilla/5.0 (X11; ", "Mozilla/5.0 (Windows NT 10.0) "):
        started = perf_counter()

        is_browser(start + text)
        no_browser_writes(start + text)

        assert perf_counter() - started < 0.5
