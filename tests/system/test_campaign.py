"""docs/campaign.md, run as it stands against a system of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "campaign.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)


def test_every_command_of_the_page_does_what_the_page_says(stack, tmp_path):
    script = "\n".join(["set -e", f'cd "{tmp_path}"', f'ln -s "{ROOT}/examples" examples', *BLOCKS])
    # What the page takes for granted: the folder's own environment, and the ports of `make up`.
    script = script.replace('.venv/bin/taptrail "$@"', f'"{sys.executable}" -m cli "$@"')
    script = script.replace("EDGE=http://127.0.0.1:8080", f"EDGE={stack.ready['edge']}")
    environ = {**os.environ, "TAPTRAIL_DATA": str(stack.folder / "data"), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr + done.stdout
    said = done.stdout
    assert "8 messages, 8 segments; nothing was minted" in said
    assert "8 messages in messages.csv" in said
    assert "Looked at 8 of 8 links and 0 pages: 0 failures, 0 doubts, 0 warnings." in said
    assert "302 https://shop.acme.example/autumn?order=A-1001" in said
    assert "autumn: 8 links, 8 contacts, 1 of them tapped (12.5%)" in said
    assert "Links of +4915112345601" in said
    assert "It adds up" in said
