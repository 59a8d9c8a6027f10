"""Settings from the environment: one frozen record per process, refused at start when a value is wrong."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

PREFIX = "TAPTRAIL_"  # Kubernetes injects EDGE_PORT=tcp://... for a Service called edge
_OTHERWISE = {"clicks_redis_url": ("redis_url",)}  # field: others whose variables give its value where its own does not
S = TypeVar("S", bound=msgspec.Struct)


LogLevel = Annotated[
    str, msgspec.Meta(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
]
RedisUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^rediss?://([^@/]*@)?[^:/@]+(:[0-9]{1,5})?(/[0-9]*)?$",
        description="redis://[user:password@]host[:port][/db]",
    ),
]
ClickHouseUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^https?://([^@/]*@)?[^:/@]+(:[0-9]{1,5})?/?$", description="http[s]://user:password@host[:port]"
    ),
]
HeldMib = Annotated[int, msgspec.Meta(ge=1, description="a whole number of MiB, 1 or more")]


class SettingsError(Exception):
    """One line: the variable, its value, what was expected."""


def settings_from(environ: Mapping[str, str], settings: type[S]) -> S:
    """Read TAPTRAIL_<FIELD> for every field of a Settings record; raises SettingsError."""
    values, errors = fields_from(environ, settings)
    if errors:
        raise errors[0]
    return settings(**values)


def fields_from(
    environ: Mapping[str, str], settings: type[msgspec.Struct]
) -> tuple[dict[str, Any], list[SettingsError]]:
    """The fields that are set, by name, and what is wrong with others, each fault once, in their order."""
    values: dict[str, Any] = {}
    errors: dict[str, SettingsError] = {}
    for field in msgspec.structs.fields(settings):
        try:
            values |= _read(environ, field)
        except SettingsError as error:
            errors[str(error)] = error
    return values, list(errors.values())


def _read(environ: Mapping[str, str], field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """The field and its value; nothing where its default holds. Raises SettingsError."""
    names = variables(field)
    name = next((name for name in names if environ.get(name)), names[-1])
    text = environ.get(name, "")
    if not text and field.required:
        raise SettingsError(f"{name} is not set; expected {expected(field.type)}")
    if not text:
        return {}
    try:
        return {field.name: _value(text, field.type)}
    except (msgspec.ValidationError, ValueError) as error:
        shown = "***" if "KEY" in name or "@" in text else text  # keys and passwords stay out of logs
        reason = "" if "matching regex" in str(error) else f"{error}; "
        raise SettingsError(f"{name}={shown}: {reason}expected {expected(field.type)}") from None


def variables(field: msgspec.structs.FieldInfo) -> list[str]:
    """The variables that give a field its value: the first of them that is set does."""
    names = [field.name, *_OTHERWISE.get(field.name, ())]
    return [PREFIX + name.upper() for name in names]


def _value(text: str, kind: Any) -> Any:
    value = msgspec.convert(text, kind, strict=False, dec_hook=_from_text)
    if isinstance(value, float) and not math.isfinite(value):  # no bound keeps nan out
        raise ValueError("it is not a finite number")
    return value


def _from_text(kind: Any, text: str) -> Any:
    """A type of our own reads its text itself: it has `parse`, which raises ValueError, and EXPECTED."""
    return kind.parse(text)


def expected(kind: Any) -> str:
    """What a person should write, from the type's own description."""
    info = msgspec.inspect.type_info(kind)
    extra = getattr(info, "extra_json_schema", None) or {}
    if "description" in extra:
        return str(extra["description"])
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    return str(getattr(kind, "EXPECTED", "") or names.get(kind, "text"))
