"""`make loadtest`: Locust, headless, against a `taptrail up` of its own; ends with pass (0) or fail (1)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stack.demo import DOMAIN, start_stack, stop_stack, taptrail

LINKS = 20_000
HERE = Path(__file__).parent


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="taptrail-loadtest-") as folder:
        stack, ready = start_stack(Path(folder))
        try:
            contacts, links = Path(folder) / "contacts.csv", Path(folder) / "links.csv"
            contacts.write_text("contact_id\n" + "".join(f"c-{number:08d}\n" for number in range(LINKS)))
            taptrail(
                ready, "mint", "--domain", DOMAIN, "--broadcast", "load", "--contacts", str(contacts),
                "--to", "https://shop.acme.example/?c={contact_id}", "--out", str(links),
            )  # fmt: skip
            analyst = ready["clickhouse_analyst"]
            environment = {"TAPTRAIL_LINKS": str(links), "TAPTRAIL_CLICKHOUSE_ANALYST_URL": analyst}
            command = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--headless", "--only-summary",
                       "--host", ready["edge"], "--csv", str(Path(folder) / "locust"), *sys.argv[1:]]  # fmt: skip
            passed = subprocess.run(command, env=os.environ | environment, check=False).returncode
            ledger = taptrail(ready, "ledger", check=False)
            print(ledger.stdout)
            return passed or ledger.returncode
        finally:
            stop_stack(stack)


if __name__ == "__main__":
    sys.exit(main())
