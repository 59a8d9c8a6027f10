import pytest

from visitors.referrer import host_in


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://Shop.Example:8443/path?q=1", "shop.example"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("http://[", ""),
        ("not a url", ""),
        ("", ""),
        ("https://" + "x" * 500, "x" * 256),
    ],
)
def test_the_referrer_leaves_its_host_only(referrer, host):
    assert host_in(referrer) == host
