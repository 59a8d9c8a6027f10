import pytest

from visitors.referrer import host_in, only_host


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://Shop.Example:8443/path?q=1", "shop.example"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("https://[2001:db8::1]:80/secret", "2001:db8::1"),
        ("http://[", ""),
        ("not a url", ""),
        ("", ""),
        ("https://" + "x" * 500, "x" * 256),
    ],
)
def test_the_referrer_leaves_its_host_only(referrer, host):
    assert host_in(referrer) == host
    assert host_in(only_host(referrer)) == host


def test_what_is_kept_of_a_referrer_has_neither_path_nor_query_nor_user():
    assert only_host("https://user:secret@Shop.Example:8443/path?token=1#x") == "//shop.example"
    assert only_host("not a url") == only_host("") == ""
