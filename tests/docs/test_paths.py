"""Files that a page names are there: a move does not leave a page behind."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|sql|yml|yaml|md|xml|json|csv))`")


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path):
    named = {path for path in _PATH.findall(page.read_text()) if not path.startswith(".taptrail/")}

    assert {path for path in named if not (ROOT / path).exists() and not (page.parent / path).exists()} == set()
