"""Which column of a contacts file is what, as its caller says it. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

NO_MAP: Mapping[str, str] = {}


class BadHeader(Exception):
    """What is wrong with the file as a whole or with its header, and what is expected."""


class Spelling(NamedTuple):
    """How a caller names a column and an encoding: by an option or a query parameter."""

    column: str
    encoding: str


OPTIONS = Spelling("--map ", "--encoding")
QUERY = Spelling("?map=", "?encoding=")


def mapping_of(given: Iterable[str], spelling: Spelling = OPTIONS) -> dict[str, str]:
    """By what it is, the column: of texts such as contact_id=Phone. Raises BadHeader."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not (name and equals and column):
            raise BadHeader(f"{spelling.column}{text}: expected NAME=COLUMN, such as contact_id=Phone")
        if name in found:
            raise BadHeader(f"{spelling.column}{text}: {name} is mapped to the column {found[name]} already")
        found[name] = column
    return found
