"""Options of the command line that are made of a record: what the API takes, and no other list of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from records.forms import Described, described

F = TypeVar("F", bound=Callable[..., Any])


def options_of(record: type[msgspec.Struct]) -> Callable[[F], F]:
    """Decorates a command with an option for each field of the record that has one.

    The command gets them by their names in the API; None, () or False stands for one that was not named.
    """

    def decorated(command: F) -> F:
        for field in reversed(described(record)):
            if field.option is not None:
                command = _option(field)(command)
        return command

    return decorated


def _option(field: Described) -> Callable[[F], F]:
    said = field.option
    assert said is not None  # noqa: S101 - options_of asks for fields that have one
    name = said.name or f"--{field.name.replace('_', '-')}"
    default = f"  [default: {field.default}]" if field.default and not field.required else ""
    kind = {"default": None, "required": field.required, **field.form.option}
    return click.option(name, field.name, help=f"{said.help}{default}".strip(), **kind)
