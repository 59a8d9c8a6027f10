"""`make loadtest`: Locust against a `taptrail up` of its own; ends with pass (0) or fail (1).

    python -m loadtest.run [--web] [--contacts 20000] [--against FILE] [--write FILE] [Locust's options]

Headless, with its CSV files in --csv-in; with --web Locust's page is on http://127.0.0.1:8089, until Ctrl-C. With --against
the same taps also go to a bare server, and a run that is worse than that of the file fails (loadtest/risen.py).
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from loadtest.risen import Pair, Shares, risen
from stack.demo import DOMAIN, start_stack, stop_stack, taptrail
from stack.ports import ports_for
from tests.support.eventually import wait_until

HERE = Path(__file__).parent
SLUGS = ("SALE", "HELP", "MENU", "JOIN", "VIP")  # keyword links: the same ones tapped again and again


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--web", action="store_true", help="Locust's web page instead of a headless run")
    parser.add_argument("--csv-in", type=Path, help="a directory for Locust's CSV files and its HTML report")
    parser.add_argument("--against", type=Path, help="what the last release wrote: loadtest/last_release.json")
    parser.add_argument("--write", type=Path, help="a file for this run, to be that of a release")
    options, for_locust = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-loadtest-") as folder:
        stack, ready = start_stack(Path(folder))
        try:
            links = _minted(ready, Path(folder), options.contacts)
            status = _of_edge(ready, links, options, for_locust)
            ledger = taptrail(ready, "ledger", check=False)
            print(ledger.stdout)
            status = status or ledger.returncode
            return status or (_compared(links, options, for_locust) if options.against or options.write else 0)
        finally:
            stop_stack(stack)


def _minted(ready: dict[str, Any], folder: Path, count: int) -> Path:
    contacts, links = folder / "contacts.csv", folder / "links.csv"
    contacts.write_text("contact_id\n" + "".join(f"c-{number:08d}\n" for number in range(count)))
    taptrail(ready, "mint", "--domain", DOMAIN, "--broadcast", "load", "--contacts", str(contacts),
             "--to", "https://shop.acme.example/?c={contact_id}", "--out", str(links))  # fmt: skip
    for slug in SLUGS:
        shop = f"https://shop.acme.example/?keyword={slug}"
        taptrail(ready, "link", "make", "--domain", DOMAIN, "--slug", slug, "--to", shop, "--keyword", slug)
    return links


def _of_edge(ready: dict[str, Any], links: Path, options: argparse.Namespace, for_locust: list[str]) -> int:
    environ = {"TAPTRAIL_CLICKHOUSE_ANALYST_URL": ready["clickhouse_analyst"]}
    return _locust(ready["edge"], links, "edge", options, for_locust, **environ)


def _compared(links: Path, options: argparse.Namespace, for_locust: list[str]) -> int:
    """The yardstick's run, and what both say beside the last release."""
    port = ports_for([("", 0)])[0]
    command = [sys.executable, "-m", "uvicorn", "loadtest.bare_servers:app", "--port", str(port), "--no-access-log",
               "--log-level", "error"]  # fmt: skip
    bare = subprocess.Popen(command)
    try:
        wait_until(lambda: _listens(port))
        status = _locust(f"http://127.0.0.1:{port}", links, "bare", options, [*for_locust, "--bare"])
    finally:
        bare.terminate()
        bare.wait(30)
    if status:
        return status
    edge, yardstick = (_shares(links, run) for run in ("edge", "bare"))
    pair = Pair(edge, yardstick)
    if options.write:
        options.write.write_bytes(msgspec.json.format(msgspec.json.encode(pair)) + b"\n")
    worse = risen(pair, msgspec.json.decode(options.against.read_bytes(), type=Pair)) if options.against else []
    print(
        f"{'WORSE: ' + '; '.join(worse) if worse else 'no worse than the last release'}: {edge}, bare server {yardstick}"
    )
    return 1 if worse else 0


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _shares(links: Path, run: str) -> Shares:
    return msgspec.json.decode((links.parent / f"{run}.json").read_bytes(), type=Shares)


def _locust(url: str, links: Path, run: str, options: argparse.Namespace, for_locust: list[str], **environ: str) -> int:
    environ |= {"TAPTRAIL_LINKS": str(links), "TAPTRAIL_SHARED": ",".join(SLUGS)}
    command = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--host", url]
    command += ["--shares", str(links.parent / f"{run}.json")]
    if not options.web:
        command += ["--headless", "--only-summary"]
    if options.csv_in:
        options.csv_in.mkdir(parents=True, exist_ok=True)
        command += ["--csv", str(options.csv_in / run), "--html", str(options.csv_in / f"{run}.html")]
    try:
        return subprocess.run([*command, *for_locust], env=os.environ | environ, check=False).returncode
    except KeyboardInterrupt:
        return 0  # Locust had it too, and has stopped


if __name__ == "__main__":
    sys.exit(main())
