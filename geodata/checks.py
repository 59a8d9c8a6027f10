"""Whether new files know what everybody knows, before they replace those in use."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import maxminddb

from geodata.networks import Network
from geodata.refused import Refused
from records.address import packed_address, prefix_of
from visitors.geo import Geo
from visitors.place import Place

SAMPLES, LEAST_KNOWN = 1000, 0.95
MAY_HAVE_MOVED = 1  # of the known addresses
# Universities, registries and hosts that have had these addresses for decades: country and number of the network.
KNOWN: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "8.8.8.8": ("US", 15169),
        "18.9.22.69": ("US", 3),
        "193.0.6.139": ("NL", 3333),
        "5.9.1.1": ("DE", 24940),
        "133.11.0.1": ("JP", 2501),
        "200.160.0.8": ("BR", 22548),
        "2001:67c:2e8:22::c100:68b": ("NL", 3333),
        "2a01:4f8::1": ("DE", 24940),
    }
)


def check_newer(new: Path, in_place: Path) -> None:
    """Raises Refused for a file that was built before the one it would replace."""
    if not in_place.exists():
        return
    try:
        old_s, new_s = built_s(in_place), built_s(new)
    except maxminddb.InvalidDatabaseError:
        return  # the one in place is broken
    if new_s < old_s:
        days = (old_s - new_s) / 86_400
        raise Refused(f"{in_place.name}: the new file was built {days:.1f} days before the one in place")


def built_s(file: Path) -> int:
    with maxminddb.open_database(file) as reader:
        return reader.metadata().build_epoch


def check_known(geo: Geo) -> None:
    """Raises Refused where addresses that everybody knows are elsewhere."""
    found = {address: _place(geo, address) for address in KNOWN}
    wrong = {
        "country": [address for address, (country, _) in KNOWN.items() if found[address].country != country],
        "network": [address for address, (_, number) in KNOWN.items() if found[address].asn != number],
    }
    for what, addresses in wrong.items():
        if len(addresses) > MAY_HAVE_MOVED:
            raise Refused(f"the {what} of {', '.join(addresses)} is not the known one")


def check_share(geo: Geo, networks: list[Network]) -> None:
    """Raises Refused where too many networks that are routed have no country or another owner."""
    places = [(network, _place(geo, network.first)) for network in networks]
    _check_share("country", [bool(place.country) for _, place in places])
    _check_share("network", [place.asn == network.number for network, place in places])


def _check_share(what: str, known: Iterable[bool]) -> None:
    answers = list(known)
    if sum(answers) < LEAST_KNOWN * len(answers) or not answers:
        raise Refused(f"{sum(answers)} of {len(answers)} routed networks have their {what}; expected {LEAST_KNOWN:.0%}")


def _place(geo: Geo, address: str) -> Place:
    return geo.look_up(prefix_of(packed_address(address)))
