"""Settings from the environment: one frozen record per process, refused at start when a value is wrong."""

import math
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, TypeVar

import msgspec

PREFIX = "TAPTRAIL_"  # Kubernetes injects EDGE_PORT=tcp://... for a Service called edge
Network = IPv4Network | IPv6Network
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


class SettingsError(Exception):
    """One line: the variable, its value, what was expected."""


class CodeKey(bytes):
    """16 bytes, given as 32 hex digits."""


class Networks(tuple[Network, ...]):
    """Address ranges, given as CIDRs separated by commas."""


class ApiKeys(dict[str, str]):
    """Key -> account, given as account:key pairs separated by commas."""


def settings_from(environ: Mapping[str, str], settings: type[S]) -> S:
    """Read TAPTRAIL_<FIELD> for every field of a Settings record; raises SettingsError."""
    values, errors = fields_from(environ, settings)
    if errors:
        raise errors[0]
    return settings(**values)


def fields_from(
    environ: Mapping[str, str], settings: type[msgspec.Struct]
) -> tuple[dict[str, Any], list[SettingsError]]:
    """The fields that are set, by name, and what is wrong with others, in their order."""
    values: dict[str, Any] = {}
    errors = []
    for field in msgspec.structs.fields(settings):
        name = PREFIX + field.name.upper()
        text = environ.get(name, "")
        if text == "":
            if field.required:
                errors.append(SettingsError(f"{name} is not set; expected {expected(field.type)}"))
            continue
        try:
            value = msgspec.convert(text, field.type, strict=False, dec_hook=_from_text)
            if isinstance(value, float) and not math.isfinite(value):  # no bound keeps nan out
                raise ValueError("it is no finite number")
            values[field.name] = value
        except (msgspec.ValidationError, ValueError) as error:
            shown = "***" if "KEY" in name or "@" in text else text  # keys and passwords stay out of logs
            reason = "" if "matching regex" in str(error) else f"{error}; "
            errors.append(SettingsError(f"{name}={shown}: {reason}expected {expected(field.type)}"))
    return values, errors


def _from_text(kind: type, text: Any) -> Any:
    if kind is CodeKey:
        if not re.fullmatch(r"[0-9a-fA-F]{32}", text):
            raise ValueError(f"{len(text)} characters that are not all hex digits or not 32")
        return CodeKey(bytes.fromhex(text))
    if kind is Networks:
        return Networks(ip_network(part.strip()) for part in text.split(",") if part.strip())
    if kind is ApiKeys:
        return _api_keys(text)
    raise NotImplementedError(kind)


def _api_keys(text: str) -> ApiKeys:
    keys = ApiKeys()
    for pair in text.split(","):
        account, colon, key = pair.strip().partition(":")
        if not colon or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*", account):
            raise ValueError("an entry is not account:key, with the account a path of [a-z0-9_-]")
        if len(key) < 16:
            raise ValueError(f"the key of account {account} has {len(key)} characters, at least 16 are needed")
        if key in keys:
            raise ValueError(f"accounts {keys[key]} and {account} have the same key")
        keys[key] = account
    return keys


def expected(kind: Any) -> str:
    """What a person should write, from the type's own description."""
    info = msgspec.inspect.type_info(kind)
    extra = getattr(info, "extra_json_schema", None) or {}
    if "description" in extra:
        return str(extra["description"])
    described = {
        CodeKey: "32 hex digits",
        Networks: "CIDRs separated by commas",
        ApiKeys: "account:key,account:key",
    }
    return described.get(kind) or {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "text")
