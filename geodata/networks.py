"""Networks and their owners: from the CSV that is published to the MaxMind DB file that aggregators read."""

import csv
import random
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from mmdb_writer import MMDBWriter
from netaddr import IPRange, IPSet

_CHOICE = random.Random(1)


class Network(NamedTuple):
    first: str
    last: str
    number: int
    owner: str


class _Writer(MMDBWriter):
    """Says when the data was built, and not when it was converted."""

    built_s = 0

    def _build_meta(self) -> dict[str, Any]:
        return super()._build_meta() | {"build_epoch": self.built_s}


def networks_in(table: Path) -> Iterator[Network]:
    with table.open(newline="", encoding="utf-8") as file:
        for first, last, number, owner in csv.reader(file):
            yield Network(first, last, int(number), owner)


def converted(table: Path, into: Path, built_s: int) -> None:
    """Write the networks of a table, all of one IP version."""
    version = next((ip_address(network.first).version for network in networks_in(table)), 4)
    writer = _Writer(version, database_type=f"ASN-IPv{version}")
    writer.built_s = built_s
    for network in networks_in(table):
        content = {"autonomous_system_number": network.number, "autonomous_system_organization": network.owner}
        writer.insert_network(IPSet(IPRange(network.first, network.last)), content)
    writer.to_db_file(str(into))


def sampled(tables: list[Path], count: int) -> list[Network]:
    """Some networks of all that are routed, as good as any others."""
    everything = [network for table in tables for network in networks_in(table)]
    return _CHOICE.sample(everything, min(count, len(everything)))
