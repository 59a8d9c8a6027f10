"""A chart of a page: an option of ECharts, the rows of its table, and what it shows in words."""

from typing import Any

import msgspec

Option = dict[str, Any]  # JSON; a text such as "@people" is a colour of the style sheet


class Chart(msgspec.Struct, frozen=True):
    says: str
    rows: list[Any]  # of the table
    option: Option | None  # None where there is nothing to draw
