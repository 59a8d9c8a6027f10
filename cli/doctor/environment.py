"""The settings of the processes: the variables of this environment, or those of the running `taptrail up`."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

import aggregator.settings
import control.settings
import edge.settings
from cli.api import RUNNING, local_stack
from cli.doctor.finding import Finding, broken, ok, warning
from control.access.given_keys import ApiKeys, OperatorKeys
from records.code import CodeKey
from runtime.environment import PREFIX, fields_from

SETTINGS: dict[str, type[msgspec.Struct]] = {
    "edge": edge.settings.Settings,
    "aggregator": aggregator.settings.Settings,
    "control": control.settings.Settings,
}
_CLIENTS = {"CONTROL_URL", "API_KEY", "CLICKHOUSE_ANALYST_URL", "DATA", "VERSION"}  # VERSION: of compose.yaml
_PLACES = ("REDIS_URL", "CLICKS_REDIS_URL", "CLICKHOUSE_URL", "CONTROL_URL")
_FEW_DIFFERENT_BYTES = 8  # 16 random bytes have fewer in one key of 10^9


class Given(msgspec.Struct, frozen=True):
    environ: dict[str, str]  # TAPTRAIL_* that are not empty
    processes: Sequence[str]
    values: dict[str, Any]  # field of a Settings record -> value, for what can be read
    faults: list[str]

    def text(self, name: str) -> str:
        return self.environ.get(PREFIX + name, "")


def given_to(processes: Sequence[str]) -> Given:
    environ = _environ()
    values: dict[str, Any] = {}
    faults: dict[str, list[str]] = {}
    for process in processes:
        read, wrong = fields_from(environ, SETTINGS[process])
        values |= read
        for error in wrong:
            faults.setdefault(str(error), []).append(process)
    return Given(environ, processes, values, [f"{text} ({', '.join(names)})" for text, names in faults.items()])


def _environ() -> dict[str, str]:
    given = {name: text for name, text in os.environ.items() if name.startswith(PREFIX) and text}
    if any(PREFIX + name in given for name in _PLACES):
        return given
    return _of_local_stack() | given


def _of_local_stack() -> dict[str, str]:
    ready = local_stack()
    if not ready:
        return {}
    try:
        code_key = json.loads((RUNNING.parent / "credentials.json").read_text())["code_key"]
    except (OSError, ValueError, KeyError, TypeError):
        code_key = ""
    values = {
        "REDIS_URL": ready["redis"], "CLICKHOUSE_URL": ready["clickhouse"], "CODE_KEY": code_key,
        "CLICKHOUSE_ANALYST_URL": ready["clickhouse_analyst"], "API_KEYS": f"*:{ready['api_key']}",
        "OPERATOR_KEYS": ready["api_key"],
        "CONTROL_URL": ready["control"], "API_KEY": ready["api_key"], "SPOOL_DIR": str(RUNNING.parent / "spool"),
    }  # fmt: skip
    return {PREFIX + name: text for name, text in values.items() if text}


async def look_at_settings(given: Given) -> AsyncIterator[Finding]:
    for fault in given.faults:
        yield broken("settings", fault, "set it as expected; docs/configuration.md has all variables")
    known = _CLIENTS | {name.upper() for record in SETTINGS.values() for name in record.__struct_fields__}
    for name in sorted(given.environ.keys() - {PREFIX + one for one in known}):
        yield warning("settings", f"{name} is read by no process", "look for its right name in docs/configuration.md")
    if not given.processes:
        yield ok("settings", "nothing of a process is set here: none is looked at")
    elif not given.faults:
        yield ok("settings", f"{', '.join(given.processes)}: every variable that is needed is set")


async def look_at_keys(given: Given) -> AsyncIterator[Finding]:
    code_key: CodeKey | None = given.values.get("code_key")
    if code_key is not None:
        found = f"fingerprint {fingerprint(code_key)}, the same wherever the key is the same"
        if len(set(code_key)) < _FEW_DIFFERENT_BYTES:
            remedy = "before the first link is sent make one by `openssl rand -hex 16`; afterwards it cannot be changed"
            yield warning("code key", f"{found}; it does not look random", remedy)
        else:
            yield ok("code key", found)
    api_keys: ApiKeys | None = given.values.get("api_keys")
    if api_keys is not None:
        yield ok("api keys", f"{len(api_keys)}, for {', '.join(sorted(set(api_keys.values())))}")
        yield _operator_keys(given.values.get("operator_keys", OperatorKeys()))


def _operator_keys(keys: OperatorKeys) -> Finding:
    if keys:
        return ok("operator keys", str(len(keys)))
    remedy = "set TAPTRAIL_OPERATOR_KEYS to a key of `openssl rand -hex 24`"
    return warning("operator keys", "there is none: ledger, audit and close-lane are refused to everybody", remedy)


def fingerprint(code_key: bytes) -> str:
    """Tells keys apart and nothing of them."""
    return blake2b(key=code_key, digest_size=4, person=b"taptrail doctor").hexdigest()
