"""Writes docs/configuration.md from the Settings records; --check exits with status 1 if it is out of date."""

import inspect
import io
import socket
import sys
import tokenize
from pathlib import Path

import msgspec

import aggregator.settings
import control.settings
import edge.settings
from runtime.environment import PREFIX, expected, variables

PAGE = Path(__file__).with_name("configuration.md")
RECORDS = {
    "edge": edge.settings.Settings,
    "aggregator": aggregator.settings.Settings,
    "control": control.settings.Settings,
}
_CALLED = {socket.gethostname: "the host's name"}
_TOP = f"""# Configuration

Written by `make configuration` from the Settings record of each process; `make check` fails where they differ.

The three processes read the environment and nothing else, once, at their start. A variable that is wrong or missing
stops the start with one line that names it, its value and what was expected; an empty one is as one that is not set.
`taptrail doctor` looks at all of them, and at what they lead to. A cell holds the default, **required** where there is
none, and - where the process does not read the variable.

| variable | {" | ".join(RECORDS)} | expected | what it does |
|---|---|---|---|---|---|
"""
_END = """
The commands of `taptrail` that are clients of the control API, or of ClickHouse, read these. Where
`TAPTRAIL_CONTROL_URL` is not set, they use the `taptrail up` that runs in the same directory.

| variable | what it does |
|---|---|
| `TAPTRAIL_CONTROL_URL` | `http[s]://host:port` of the control API |
| `TAPTRAIL_API_KEY` | a key that `taptrail key create` made, or one of its `TAPTRAIL_API_KEYS`; for `ledger`, `audit` \
and `close-lane` one of its `TAPTRAIL_OPERATOR_KEYS` |
| `TAPTRAIL_CLICKHOUSE_ANALYST_URL` | `http[s]://user:password@host:port` of a user who reads, for `taptrail sql` |
| `TAPTRAIL_DATA` | the `--data` of the local `taptrail up`; `.taptrail` |

`taptrail up` gives its children the `TAPTRAIL_*` of its own environment, except those that say where things are: its
options do. Passwords, keys and URLs with passwords are never printed or logged.
"""


def page() -> str:
    names = dict.fromkeys(name for record in RECORDS.values() for name in record.__struct_fields__)
    return _TOP + "".join(f"{_row(name)}\n" for name in names) + _END


def _row(name: str) -> str:
    readers = [_field(record, name) for record in RECORDS.values()]
    field = next(field for field in readers if field and field.name == name)
    described = [text for record in RECORDS.values() if (text := comments(record).get(name))]
    if len(described) != 1:
        sys.exit(f"{name} is described {len(described)} times in the Settings records; once is right")
    defaults = [_default(field, name) if field else "-" for field in readers]
    cells = (f"`{_variable(name)}`", *defaults, expected(field.type).replace("|", "\\|"), *described)
    return f"| {' | '.join(cells)} |"


def _field(record: type[msgspec.Struct], name: str) -> msgspec.structs.FieldInfo | None:
    """The field of that name, or else one that takes its value from the variable of that name."""
    fields = [field for field in msgspec.structs.fields(record) if _variable(name) in variables(field)]
    return next((field for field in fields if field.name == name), fields[0] if fields else None)


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _default(field: msgspec.structs.FieldInfo, name: str) -> str:
    first, *others = variables(field)
    if field.name != name:
        return f"**required**, or `{first}`"
    if others:
        return f"as `{others[0]}`"
    if field.required:
        return "**required**"
    if field.default_factory is not msgspec.NODEFAULT:
        return _CALLED.get(field.default_factory, "empty")
    if field.default in ("", ()):
        return "empty"
    shown = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"`{shown:g}`" if isinstance(shown, float) else f"`{shown}`"


def comments(record: type) -> dict[str, str]:
    """Field -> the comment above it."""
    found, gathered = {}, []
    for token in tokenize.generate_tokens(io.StringIO(inspect.getsource(record)).readline):
        if token.type == tokenize.COMMENT:
            gathered.append(token.string.removeprefix("#").strip())
        elif token.type == tokenize.NAME and gathered:
            found[token.string] = " ".join(gathered)
            gathered = []
    return found


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit("docs/configuration.md is not what the Settings records say: make configuration")
