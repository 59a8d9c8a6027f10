"""Address -> place and network, from MaxMind DB files; all empty where no file is configured."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Any

import maxminddb

from visitors.place import NOWHERE, Place

MAX_NAME = 128
_REMEMBERED = 65_536  # prefixes; some 30 MB when full
_CITY_FIELDS = frozenset({"country", "country_code", "registered_country", "city", "continent"})
_ASN_FIELDS = frozenset({"autonomous_system_number"})


class GeoError(Exception):
    """One line: the variable, the file, what is wrong with it, what was expected."""


class Geo:
    """Looks up whole /24 and /48 networks only: nothing that is kept depends on more of the address.

    city_db, asn_db: path of a file, or several separated by commas, of which the first that knows an address
    answers (ip-location-db keeps IPv4 and IPv6 apart); "" for none. Raises GeoError for what is not such a file.
    """

    def __init__(self, city_db: str = "", asn_db: str = "") -> None:
        self._city = _open_all("TAPTRAIL_GEO_CITY_DB", city_db, _CITY_FIELDS)
        self._asn = _open_all("TAPTRAIL_GEO_ASN_DB", asn_db, _ASN_FIELDS)
        self._remembered = lru_cache(_REMEMBERED)(self._read)

    def look_up(self, prefix: bytes, /) -> Place:
        return self._remembered(prefix)

    @property
    def oldest_built_s(self) -> int | None:
        """When the oldest of the files was built, Unix seconds; None without a file."""
        return min((reader.metadata().build_epoch for reader in (*self._city, *self._asn)), default=None)

    def close(self) -> None:
        """Nobody may look anything up any more."""
        for reader in (*self._city, *self._asn):
            reader.close()

    def _read(self, prefix: bytes) -> Place:
        if not any(prefix):
            return NOWHERE
        address = IPv4Address(prefix + b"\0") if len(prefix) == 3 else IPv6Address(prefix + bytes(10))
        place, network = _record(self._city, address), _record(self._asn, address)
        return Place(
            country=_text(place.get("country_code") or _inside(place, "country", "iso_code"))[:2],
            region=_text(place.get("state1") or _english(_first(place.get("subdivisions")))),
            city=_text(_city_name(place.get("city"))),
            asn=_number(network.get("autonomous_system_number")),
            as_org=_text(network.get("autonomous_system_organization")),
            ip_prefix=f"{address}/{len(prefix) * 8}",
        )


def _open_all(variable: str, paths: str, fields: frozenset[str]) -> list[maxminddb.Reader]:
    return [_open(variable, path.strip(), fields) for path in paths.split(",") if path.strip()]


def _open(variable: str, path: str, fields: frozenset[str]) -> maxminddb.Reader:
    try:
        # The default mode is MODE_MMAP_EXT, and MODE_MMAP where the C extension is absent (15 times slower).
        reader = maxminddb.open_database(path)
        records: Iterable[Any] = (record for _, record in islice(reader, 1000))
        if any(isinstance(record, dict) and not fields.isdisjoint(record) for record in records):
            return reader
        reason = f"a {reader.metadata().database_type} database without any of {', '.join(sorted(fields))}"
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise GeoError(f"{variable}={path}: {reason}; expected a MaxMind DB file (.mmdb), or nothing for no look-up")


def _record(readers: list[maxminddb.Reader], address: IPv4Address | IPv6Address) -> dict[str, Any]:
    for reader in readers:
        if address.version == 6 and reader.metadata().ip_version == 4:
            continue
        try:
            record = reader.get(address)
        except maxminddb.InvalidDatabaseError:
            continue  # one damaged record must not stop the clicks behind it
        if isinstance(record, dict):
            return record
    return {}


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _city_name(city: Any) -> Any:
    return _english(city) if isinstance(city, dict) else city


def _english(named: Any) -> Any:
    return _inside(named, "names", "en")


def _inside(record: Any, *path: str) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _text(value: Any) -> str:
    return value[:MAX_NAME] if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**32 else 0
