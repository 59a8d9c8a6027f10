"""What is said of messages: one by one, and of all together."""

import msgspec

from contacts.bad_lines import BadLine
from messages.segments import Encoding
from messages.warnings import Warned


class MessageLink(msgspec.Struct, gc=False):
    destination_index: int
    code: str
    short_url: str


class MessageLine(msgspec.Struct, gc=False):
    """One line out: the message of a contact. units: septets, or UTF-16 units."""

    contact_id: str
    text: str
    encoding: Encoding
    segments: int
    units: int
    links: list[MessageLink]
    warnings: tuple[Warned, ...]


class WarningExample(msgspec.Struct, frozen=True, omit_defaults=True):
    contact_id: str
    character: str = ""
    field: str = ""


class WarningCount(msgspec.Struct, omit_defaults=True):
    """How many messages a warning is about. characters: how many messages each of them costs segments."""

    warning: str
    count: int
    examples: list[WarningExample]
    characters: dict[str, int] = {}


class DryRun(msgspec.Struct):
    """What would be sent. segments_before: with the URLs of the text instead of links. skipped: lines, with the first
    few errors. The codes of the samples stand in for those that are to be minted.
    """

    messages: int
    segments: int
    segments_before: int
    by_segments: dict[str, int]
    by_encoding: dict[str, int]
    warnings: list[WarningCount]
    samples: list[MessageLine]
    skipped: int
    errors: list[BadLine]


class Draft(DryRun):
    """A dry run of a text that is no broadcast's yet: with where its links lead and the fields that it names."""

    destinations: list[str]
    fields: list[str]
