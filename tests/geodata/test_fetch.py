"""`make geo` against a registry of the test's own, through the npm of this machine."""

import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from urllib.parse import unquote

import pytest

from geodata.checks import KNOWN
from geodata.replace import said_about
from geodata.sources import COUNTRY, NETWORK
from records.address import packed_address, prefix_of
from tests.support.geo_files import written
from visitors.geo import Geo

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(shutil.which("npm") is None, reason="NPM IS NOT HERE: make geo is not tried"),
]


class Registry(http.server.ThreadingHTTPServer):
    """Knows one version of each package. A test changes what it says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.archives, self.versions = {}, {}

    def publish(self, package, version, licence, files):
        packed = io.BytesIO()
        manifest = {"name": package, "version": version, "license": licence}
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, content in {"package.json": json.dumps(manifest).encode(), **files}.items():
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        data = packed.getvalue()
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        path = f"/{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
        dist = {"tarball": self.url + path, "integrity": f"sha512-{digest}"}
        self.archives[path] = data
        self.versions[package] = manifest | {"dist": dist}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = unquote(self.path)
        said = self.server.versions.get(path[1:])
        packument = said and {
            "name": said["name"], "dist-tags": {"latest": said["version"]}, "versions": {said["version"]: said}
        }  # fmt: skip
        body = self.server.archives.get(path) or (packument and json.dumps(packument).encode())
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def registry(tmp_path):
    server = Registry()
    countries = {f"{address}/{48 if ':' in address else 24}": country for address, (country, _) in KNOWN.items()}
    file = tmp_path / "published.mmdb"
    written(file, {network: {"country_code": country} for network, country in countries.items()})
    server.publish(COUNTRY.package, "2.3.2026061719", "CC0-1.0", {"geo-whois-asn-country.mmdb": file.read_bytes()})
    rows = {4: [], 6: []}
    for address, (_, number) in KNOWN.items():
        rows[6 if ":" in address else 4].append(f"{address},{address},{number},Owner {number}\n")
    # The whole of the network that is looked up.
    tables = {
        f"asn-ipv{version}.csv": "".join(_widened(row, version) for row in rows[version]).encode() for version in rows
    }
    server.publish(NETWORK.package, "2.3.2026061719", "SEE LICENSE IN X (CC-BY-4.0)", tables)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _widened(row, version):
    first, _, number, owner = row.split(",")
    prefix = prefix_of(packed_address(first))
    if version == 4:
        dotted = ".".join(map(str, prefix))
        return f"{dotted}.0,{dotted}.255,{number},{owner}"
    hexed = ":".join(prefix[i : i + 2].hex() for i in range(0, 6, 2))
    return f"{hexed}::,{hexed}:ffff:ffff:ffff:ffff:ffff,{number},{owner}"


@pytest.fixture
def make_geo(registry, tmp_path):
    def run(*arguments):
        options = {"registry": registry.url, "cache": str(tmp_path / "npm"), "fetch_retries": "0", "audit": "false"}
        options |= {"update_notifier": "false", "prefer_online": "true"}
        environ = os.environ | {f"npm_config_{name}": value for name, value in options.items()}
        command = [sys.executable, "-m", "geodata", "--into", str(tmp_path / "geo"), "--places", "country", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100, env=environ)

    return run


def places_in(folder):
    geo = Geo(f"{folder}/country.mmdb", f"{folder}/asn-ipv4.mmdb,{folder}/asn-ipv6.mmdb")
    found = {address: geo.look_up(prefix_of(packed_address(address))) for address in KNOWN}
    return {address: (place.country, place.asn) for address, place in found.items()}


def test_licences_and_sizes_are_said_and_nothing_is_fetched_before_they_are_accepted(make_geo, tmp_path, registry):
    registry.versions.clear()

    done = make_geo()

    assert done.returncode == 1
    for said in ("CC0-1.0", "CC-BY-4.0", "8 MB", "19 MB", COUNTRY.attribution, "make geo ACCEPT=1 GEO=country"):
        assert said in done.stdout
    assert not (tmp_path / "geo").exists()


def test_files_are_fetched_converted_and_put_in_place(make_geo, tmp_path):
    done = make_geo("--accept")

    assert done.returncode == 0, done.stderr
    names = ["asn-ipv4.mmdb", "asn-ipv6.mmdb", "country.mmdb", "geo.json"]
    assert sorted(os.listdir(tmp_path / "geo")) == names
    assert places_in(tmp_path / "geo") == KNOWN
    assert f"TAPTRAIL_GEO_CITY_DB={tmp_path}/geo/country.mmdb" in done.stdout
    told = {one.file: one for one in said_about(tmp_path / "geo")}
    assert told["country.mmdb"].sha256 == hashlib.sha256((tmp_path / "geo/country.mmdb").read_bytes()).hexdigest()
    assert (told["asn-ipv6.mmdb"].source, told["asn-ipv6.mmdb"].version) == (NETWORK.package, "2.3.2026061719")
    assert make_geo("--accept").returncode == 0  # again


@pytest.mark.parametrize(
    ("fault", "said"),
    [("tampered", "EINTEGRITY"), ("licence", "has the licence SEE LICENSE IN EULA, not CC-BY-4.0"),
     ("older", "asn-ipv4.mmdb: the new file was built"), ("wrong", "the network of 8.8.8.8")],
)  # fmt: skip
def test_what_is_refused_leaves_the_files_as_they_were(make_geo, registry, tmp_path, fault, said):
    assert make_geo("--accept").returncode == 0
    shutil.rmtree(tmp_path / "npm")
    before = {path.name: path.read_bytes() for path in (tmp_path / "geo").iterdir()}
    tables = {f"asn-ipv{version}.csv": b"8.8.8.0,8.8.8.255,1,X\n" if version == 4 else b"" for version in (4, 6)}
    if fault == "tampered":
        path = next(path for path in registry.archives if path.endswith("asn-2.3.2026061719.tgz"))
        registry.archives[path] += b"x"
    if fault == "licence":
        registry.versions[NETWORK.package]["license"] = "SEE LICENSE IN EULA"
    if fault in {"older", "wrong"}:
        whole = {"asn-ipv6.csv": b"2001:db8::,2001:db8::ffff,1,X\n"}
        version = "2.3.2026060100" if fault == "older" else "2.3.2026070100"
        registry.publish(NETWORK.package, version, "CC-BY-4.0", tables | whole)

    done = make_geo("--accept")

    assert done.returncode == 1
    assert said in done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "geo").iterdir()} == before
