"""What a command prints as it is: texts that steer no terminal, and JSON."""

import json
import re
from typing import Any

import click

# What moves a terminal's cursor, begins an escape sequence or turns a line around: all C0 but tab and line feed,
# DEL, C1 (U+009B begins a sequence by itself, ECMA-48 5.4), and the bidirectional controls of Unicode (UAX 9).
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with what a visitor could steer a terminal by written as \\uXXXX, which is JSON's escape too."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_json(value: Any) -> None:
    click.echo(printable(json.dumps(value, indent=2, ensure_ascii=False)))
