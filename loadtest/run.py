"""`make loadtest`: Locust against a `taptrail up` of its own; ends with pass (0) or fail (1).

    python -m loadtest.run [--web] [--contacts 20000] [Locust's options]

Headless, with its CSV files in --csv-in; with --web Locust's page is on http://127.0.0.1:8089, until Ctrl-C.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stack.demo import DOMAIN, start_stack, stop_stack, taptrail

HERE = Path(__file__).parent
SLUGS = ("SALE", "HELP", "MENU", "JOIN", "VIP")  # keyword links: the same ones tapped again and again


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--web", action="store_true", help="Locust's web page instead of a headless run")
    parser.add_argument("--csv-in", type=Path, help="a directory for Locust's CSV files and its HTML report")
    options, for_locust = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-loadtest-") as folder:
        stack, ready = start_stack(Path(folder))
        try:
            links = _minted(ready, Path(folder), options.contacts)
            passed = _locust(ready, links, options, for_locust)
            ledger = taptrail(ready, "ledger", check=False)
            print(ledger.stdout)
            return passed or ledger.returncode
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


def _locust(ready: dict[str, Any], links: Path, options: argparse.Namespace, for_locust: list[str]) -> int:
    environment = {
        "TAPTRAIL_LINKS": str(links),
        "TAPTRAIL_SHARED": ",".join(SLUGS),
        "TAPTRAIL_CLICKHOUSE_ANALYST_URL": ready["clickhouse_analyst"],
    }
    command = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--host", ready["edge"]]
    if not options.web:
        command += ["--headless", "--only-summary"]
    if options.csv_in:
        options.csv_in.mkdir(parents=True, exist_ok=True)
        command += ["--csv", str(options.csv_in / "locust"), "--html", str(options.csv_in / "locust.html")]
    try:
        return subprocess.run([*command, *for_locust], env=os.environ | environment, check=False).returncode
    except KeyboardInterrupt:
        return 0  # Locust had it too, and has stopped


if __name__ == "__main__":
    sys.exit(main())
