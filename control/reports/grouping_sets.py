"""Several lists counted in one reading of a table, by GROUP BY GROUPING SETS. Pure."""

from collections.abc import Mapping

Lists = Mapping[str, tuple[str, ...]]  # the columns that each list has a row for each value of


def keys(lists: Lists) -> str:
    """All columns of all lists. In a row of one list those of the others have their type's default."""
    return ", ".join(_columns(lists))


def name_of_list(lists: Lists) -> str:
    """An expression: which list a row is of."""
    columns = _columns(lists)
    # A bit for each column, the last one's lowest; set where it is none of this list's.
    bits = [sum(1 << place for place, name in enumerate(reversed(columns)) if name not in of) for of in lists.values()]
    return f"transform(grouping({', '.join(columns)}), {bits}, {list(lists)}, '')"


def sets(lists: Lists) -> str:
    return f"GROUPING SETS ({', '.join('(' + ', '.join(of) + ')' for of in lists.values())})"


def _columns(lists: Lists) -> list[str]:
    return list(dict.fromkeys(name for of in lists.values() for name in of))
