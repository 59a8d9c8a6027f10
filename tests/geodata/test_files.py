"""What `make geo` does with the files of a package."""

import os
import time

import maxminddb
import pytest

from geodata.__main__ import built_of
from geodata.checks import KNOWN, built_s, check_known, check_newer, check_share
from geodata.networks import Network, converted, networks_in, sampled
from geodata.npm import check_integrity
from geodata.refused import Refused
from geodata.replace import about, part_of, put_in_place, said_about, say_about
from records.address import packed_address, prefix_of
from tests.support.geo_files import written
from visitors.geo import Geo

TABLES = {
    4: '1.0.0.0,1.0.0.255,64500,"Example, Inc."\n1.0.4.0,1.0.6.255,64501,Other\n',
    6: "2001:db8::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,64502,Six\n",
}


def owner(geo, address):
    place = geo.look_up(prefix_of(packed_address(address)))
    return place.asn, place.as_org


@pytest.fixture
def tables(tmp_path):
    for version, text in TABLES.items():
        (tmp_path / f"v{version}.csv").write_text(text)
    return [tmp_path / f"v{version}.csv" for version in TABLES]


def test_a_table_of_networks_becomes_a_file_that_aggregators_read(tmp_path, tables):
    for table in tables:
        converted(table, table.with_suffix(".mmdb"), 1_781_000_000)

    geo = Geo("", f"{tmp_path}/v4.mmdb,{tmp_path}/v6.mmdb")

    assert owner(geo, "1.0.0.9") == (64500, "Example, Inc.")
    assert owner(geo, "1.0.6.1") == (64501, "Other")
    assert owner(geo, "1.0.7.1") == owner(geo, "1.0.1.1") == (0, "")
    assert owner(geo, "2001:db8:1:2::3") == (64502, "Six")
    assert geo.oldest_built_s == 1_781_000_000  # when its data was built, not when it was converted


def test_some_networks_of_all_are_looked_up(tables):
    assert sorted(sampled(tables, 1000)) == sorted(network for table in tables for network in networks_in(table))
    assert len(sampled(tables, 2)) == 2


def test_a_version_says_when_the_data_was_built():
    assert time.gmtime(built_of("2.3.2026061719"))[:4] == (2026, 6, 17, 19)
    with pytest.raises(Refused, match=r"version 2\.4\.1 does not say"):
        built_of("2.4.1")


def test_an_archive_that_was_tampered_with_is_refused(tmp_path):
    archive = tmp_path / "a.tgz"
    archive.write_bytes(b"abc")
    # FIPS 180-2, appendix C.1.
    published = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

    check_integrity(archive, published)
    archive.write_bytes(b"abd")
    with pytest.raises(Refused, match=r"a\.tgz has the integrity sha512-"):
        check_integrity(archive, published)
    with pytest.raises(Refused, match="the registry says nothing"):
        check_integrity(archive, "")


def test_a_file_that_is_older_than_the_one_in_place_is_refused(tmp_path, tables):
    new, in_place = tmp_path / "new.mmdb", tmp_path / "asn.mmdb"
    converted(tables[0], new, 1_781_000_000)
    check_newer(new, in_place)  # there is none
    in_place.write_text("nothing")
    check_newer(new, in_place)  # anything is better
    converted(tables[0], in_place, 1_781_000_000)
    check_newer(new, in_place)
    converted(tables[0], in_place, 1_781_000_000 + 3 * 86_400)

    with pytest.raises(Refused, match=r"asn\.mmdb: the new file was built 3\.0 days before"):
        check_newer(new, in_place)


def known(tmp_path, wrong_country=0, wrong_number=0):
    """Files that know the addresses, but for some."""
    bits = {address: 48 if ":" in address else 24 for address in KNOWN}
    city, asn = {}, {}
    for place, (address, (country, number)) in enumerate(KNOWN.items()):
        network = f"{address}/{bits[address]}"
        city[network] = {"country_code": "XX" if place < wrong_country else country}
        asn[network] = {"autonomous_system_number": 1 if place < wrong_number else number}
    return Geo(written(tmp_path / "city.mmdb", city), written(tmp_path / "asn.mmdb", asn))


def test_files_that_know_the_known_addresses_are_taken(tmp_path):
    check_known(known(tmp_path))
    check_known(known(tmp_path, wrong_country=1, wrong_number=1))  # one network may have moved


@pytest.mark.parametrize("wrong", ["country", "network"])
def test_files_that_do_not_know_the_known_addresses_are_refused(tmp_path, wrong):
    counts = {"wrong_country": 2} if wrong == "country" else {"wrong_number": 2}

    with pytest.raises(Refused, match=rf"the {wrong} of 8\.8\.8\.8, 18\.9\.22\.69 is not the known one"):
        check_known(known(tmp_path, **counts))


@pytest.mark.parametrize("lacking", ["country", "network"])
def test_files_that_know_too_few_networks_are_refused(tmp_path, lacking):
    networks = [Network(f"1.0.{number}.0", f"1.0.{number}.255", 64500 + number, "O") for number in range(100)]

    def files(known_count):
        of = {"country": 100, "network": 100} | {lacking: known_count}
        city = {f"{one.first}/24": {"country_code": "AU"} for one in networks[: of["country"]]}
        asn = {f"{one.first}/24": {"autonomous_system_number": one.number} for one in networks[: of["network"]]}
        return Geo(written(tmp_path / "city.mmdb", city), written(tmp_path / "asn.mmdb", asn))

    check_share(files(95), networks)
    with pytest.raises(Refused, match=f"94 of 100 routed networks have their {lacking}; expected 95%"):
        check_share(files(94), networks)
    with pytest.raises(Refused, match="0 of 0"):
        check_share(files(94), [])


def test_a_file_in_use_is_replaced_and_its_readers_keep_the_former(tmp_path):
    file = tmp_path / "city.mmdb"
    written(file, {"1.0.0.0/24": {"country_code": "AU"}})
    reader = maxminddb.open_database(file)
    written(part_of(file), {"1.0.0.0/24": {"country_code": "NZ"}})

    put_in_place(file)

    assert reader.get("1.0.0.1") == {"country_code": "AU"}
    assert maxminddb.open_database(file).get("1.0.0.1") == {"country_code": "NZ"}
    assert not part_of(file).exists()


def test_geo_json_says_what_each_file_is(tmp_path):
    for name in ("city.mmdb", "asn.mmdb", "gone.mmdb"):
        written(tmp_path / name, {"1.0.0.0/24": {"country_code": "AU"}})
    one, other, gone = (
        about(tmp_path / name, "a-package", "1", "CC-BY-4.0", "by A") for name in ("city.mmdb", "asn.mmdb", "gone.mmdb")
    )

    say_about(tmp_path, [one, gone])
    os.unlink(tmp_path / "gone.mmdb")
    say_about(tmp_path, [other])

    assert said_about(tmp_path) == [other, one]
    assert int(one.built.timestamp()) == built_s(tmp_path / "city.mmdb")
    assert len(one.sha256) == 64
    assert oct((tmp_path / "geo.json").stat().st_mode & 0o444) == "0o444"  # aggregators are another user
