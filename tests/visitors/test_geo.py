import pytest

from records.address import packed_address, prefix_of
from tests.support.geo_files import written
from visitors.geo import Geo, GeoError
from visitors.place import NOWHERE, Place

SEATTLE_FLAT = {"country_code": "US", "state1": "Washington", "city": "Seattle", "latitude": "47.6"}
SEATTLE_NESTED = {
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "subdivisions": [{"iso_code": "WA", "names": {"de": "Washington (DE)", "en": "Washington"}}],
    "city": {"names": {"en": "Seattle"}},
}
NETWORK = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Mobile"}


@pytest.mark.parametrize("record", [SEATTLE_FLAT, SEATTLE_NESTED], ids=["flat", "nested"])
@pytest.mark.parametrize(
    ("address", "ip_prefix"), [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1::/48")]
)
def test_both_layouts_give_the_place_of_both_kinds_of_addresses(tmp_path, record, address, ip_prefix):
    city_db = written(tmp_path / "city.mmdb", {"203.0.113.0/24": record, "2001:db8::/32": record})
    asn_db = written(tmp_path / "asn.mmdb", {"203.0.112.0/20": NETWORK, "2001:db8::/32": NETWORK})

    place = Geo(city_db, asn_db).look_up(prefix_of(packed_address(address)))

    assert place == Place("US", "Washington", "Seattle", 64500, "Example Mobile", ip_prefix)


def test_without_files_only_the_prefix_is_known():
    assert Geo().look_up(prefix_of(packed_address("203.0.113.77"))) == Place(ip_prefix="203.0.113.0/24")


def test_an_address_that_was_not_readable_is_nowhere():
    assert Geo().look_up(prefix_of(bytes(16))) == NOWHERE


def test_a_file_of_ipv4_alone_leaves_ipv6_empty(tmp_path):
    geo = Geo(written(tmp_path / "v4.mmdb", {"203.0.113.0/24": SEATTLE_FLAT}, ip_version=4))

    assert geo.look_up(prefix_of(packed_address("2001:db8::1"))) == Place(ip_prefix="2001:db8::/48")
    assert geo.look_up(prefix_of(packed_address("203.0.113.1"))).city == "Seattle"


def test_several_files_complete_each_other(tmp_path):
    v4 = written(tmp_path / "v4.mmdb", {"203.0.113.0/24": SEATTLE_FLAT}, ip_version=4)
    v6 = written(tmp_path / "v6.mmdb", {"2001:db8::/32": SEATTLE_FLAT | {"city": "Tacoma"}})
    geo = Geo(f"{v4}, {v6}")

    assert geo.look_up(prefix_of(packed_address("203.0.113.1"))).city == "Seattle"
    assert geo.look_up(prefix_of(packed_address("2001:db8::1"))).city == "Tacoma"


def test_an_address_no_file_knows_is_empty(tmp_path):
    geo = Geo(written(tmp_path / "city.mmdb", {"203.0.113.0/24": SEATTLE_NESTED}))

    assert geo.look_up(prefix_of(packed_address("198.51.100.1"))) == Place(ip_prefix="198.51.100.0/24")


def test_a_place_without_a_city_keeps_its_country(tmp_path):
    geo = Geo(written(tmp_path / "city.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "DE"}, "subdivisions": []}}))

    assert geo.look_up(prefix_of(packed_address("203.0.113.1"))) == Place("DE", ip_prefix="203.0.113.0/24")


def test_neighbours_share_one_look_up():
    geo = Geo()

    assert geo.look_up(prefix_of(packed_address("203.0.113.1"))) is geo.look_up(
        prefix_of(packed_address("203.0.113.200"))
    )
    assert geo.look_up(prefix_of(packed_address("203.0.113.1"))) is not geo.look_up(
        prefix_of(packed_address("203.0.114.1"))
    )


def test_a_missing_file_is_refused_by_variable_and_path(tmp_path):
    with pytest.raises(GeoError, match=r"TAPTRAIL_GEO_CITY_DB=.*/none\.mmdb: No such file.*expected a MaxMind DB"):
        Geo(str(tmp_path / "none.mmdb"))


def test_a_file_of_another_kind_is_refused(tmp_path):
    text = tmp_path / "city.csv"
    text.write_text("network,city\n")

    with pytest.raises(GeoError, match=r"TAPTRAIL_GEO_ASN_DB=.*/city\.csv"):
        Geo("", str(text))


def test_a_city_file_in_place_of_a_network_file_is_refused(tmp_path):
    city_db = written(tmp_path / "city.mmdb", {"203.0.113.0/24": SEATTLE_FLAT})

    with pytest.raises(GeoError, match=r"TAPTRAIL_GEO_ASN_DB=.*without any of autonomous_system_number"):
        Geo(city_db, city_db)
