"""GeoIP files of the tests' own."""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def written(path: Path, networks: dict[str, object], ip_version: int = 6) -> str:
    writer = MMDBWriter(ip_version, ipv4_compatible=ip_version == 6, database_type="Test")
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)
