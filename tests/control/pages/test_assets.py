"""What pages load: all of it from here, the whole of it small before the charts."""

import gzip
import re
from hashlib import sha256

from control.pages import vendor
from control.pages.assets import ASSETS, address_of

ELSEWHERE = re.compile(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}""")


def test_echarts_is_the_file_whose_digest_is_recorded():
    assert sha256(ASSETS["vendor/echarts.min.js"].data).hexdigest() == vendor.SHA256
    assert b"Apache License" in ASSETS["vendor/echarts.LICENSE"].data


def test_an_address_of_an_asset_holds_the_version_of_all():
    assert re.fullmatch(r"/static/[0-9a-f]{16}/taptrail\.css", address_of("taptrail.css"))


def test_our_own_assets_name_no_other_host():
    for name, asset in ASSETS.items():
        if not name.startswith("vendor/"):
            named = set(ELSEWHERE.findall(asset.data.decode())) - {"http://www.w3.org"}
            assert named == set(), name


def test_what_is_loaded_before_the_charts_is_small():
    late = ("vendor/", "world.svg")
    early = [gzip.compress(one.data) for name, one in ASSETS.items() if not name.startswith(late)]

    assert sum(map(len, early)) < 60_000
