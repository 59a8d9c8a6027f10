"""Options of the command line that are made of a record: what the API takes, and no other list of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from cli.times import When
from records.forms import FLAG, TIME, URL, Described, Form, described

F = TypeVar("F", bound=Callable[..., Any])


def options_of(record: type[msgspec.Struct]) -> Callable[[F], F]:
    """Decorates a command with an option for each field of the record that has one.

    The command gets them by their names in the API; None or () stands for one that was not named.
    """

    def decorated(command: F) -> F:
        for field in reversed(described(record)):
            if field.option is not None:
                command = _option(field)(command)
        return command

    return decorated


def named_of(record: type[msgspec.Struct], given: dict[str, Any]) -> dict[str, Any]:
    """The options that were named, as the API takes them; an empty text is none where a field may be none."""
    forms = {field.name: field.form for field in described(record)}
    return {name: _value(forms[name], value) for name, value in given.items() if value is not None and value != ()}


def _value(form: Form, value: Any) -> Any:
    if form.parts:
        return _parts(form, value)
    return None if value == "" and form in (URL, TIME) else value


def _parts(form: Form, given: tuple[str, ...]) -> dict[str, str] | None:
    """An object, of NAME=VALUE each; raises click.UsageError."""
    if given == ("",):
        return None
    parts = dict(each.partition("=")[::2] for each in given)
    for name, value in parts.items():
        if name not in form.parts or not value:
            raise click.UsageError(f"{name}={value} is no part of it; expected {_expected(form)}")
    return parts


def _expected(form: Form) -> str:
    return " or ".join(f"{name}=VALUE" for name in form.parts)


def missing_of(record: type[msgspec.Struct], named: dict[str, Any]) -> list[str]:
    """The options that a new one needs and that were not named."""
    return [_name(field) for field in described(record) if field.required and field.name not in named]


def _name(field: Described) -> str:
    said = field.option
    assert said is not None  # noqa: S101 - only fields with an option are asked for
    return said.name or f"--{field.name.replace('_', '-')}"


def _option(field: Described) -> Callable[[F], F]:
    said = field.option
    assert said is not None  # noqa: S101 - options_of asks for fields that have one
    name = _name(field)
    default = f"  [default: {field.default}]" if field.default and not field.required else ""
    needed = "  [a new one needs it]" if field.required else ""
    kind = {"default": None, **field.form.option}
    if field.form is FLAG:
        name = f"{name}/--no-{name.removeprefix('--')}"
    if field.form.parts:
        kind |= {"multiple": True, "metavar": "NAME=VALUE"}
        default = f"  {_expected(field.form)}; may be repeated."
    if field.form is TIME:
        kind["type"] = When(ends=field.name == "expires_at", otherwise="")
    return click.option(name, field.name, help=f"{said.help}{needed}{default}".strip(), **kind)
