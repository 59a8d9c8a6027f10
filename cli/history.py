"""`taptrail broadcast history`, `rollback`, `sent` and `extend`: who changed what, and changes that are about time."""

from datetime import datetime
from typing import Any

import click
from rich.table import Table

from cli.api import broadcast_path, call, warnings
from cli.plain import as_json, printable
from cli.show import console, fields
from cli.times import When

_json = click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
_account = click.option("--account", default=None, help="An account below the key's own.")


def show(answer: dict[str, Any], json_: bool) -> None:
    """An answer of the API, with the warnings that came with it."""
    if json_:
        as_json(answer | ({"warnings": warnings} if warnings else {}))
    else:
        fields(answer)


@click.command()
@click.argument("broadcast_id")
@_account
@_json
def history(broadcast_id: str, account: str | None, json_: bool) -> None:
    """Say who changed what, and when; the last change last."""
    entries = _entries(broadcast_id, account)
    if json_:
        as_json(entries)
        return
    console().print(table_of(broadcast_id, entries))


def table_of(broadcast_id: str, entries: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Changes of {broadcast_id}", title_justify="left", box=None, pad_edge=False)
    for name in ("version", "when", "who", "what"):
        table.add_column(name, overflow="fold", no_wrap=name in ("version", "when"))
    for entry in entries:
        table.add_row(*map(printable, _cells(entry)))
    return table


def _entries(broadcast_id: str, account: str | None) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = call("GET", f"{broadcast_path(broadcast_id)}/history", account=account, limit="1000", cursor=cursor)
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    who = entry["who"]
    when = datetime.fromisoformat(entry["when"]).strftime("%Y-%m-%d %H:%M:%SZ")
    by = " ".join(filter(None, (who["account"], who["key"]))) if who else "-"
    return str(entry["version"]), when, by, "\n".join([entry["what"], *_differences(entry["before"], entry["after"])])


def _differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    if after is None:
        return []
    if before is None:
        return [f"{name}: {_said(value)}" for name, value in after.items() if value not in (None, "", [], False)]
    return [f"{name}: {_said(before.get(name))} -> {_said(value)}" for name, value in after.items()]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


@click.command()
@click.argument("broadcast_id")
@click.option("--to", "version", type=int, default=None, help="A version of its history; the one before the last.")
@_account
@_json
def rollback(broadcast_id: str, version: int | None, account: str | None, json_: bool) -> None:
    """Take the last change back, or every change after a version of its history."""
    body = {} if version is None else {"version": version}
    show(call("POST", f"{broadcast_path(broadcast_id)}/rollback", body, account=account), json_)


@click.command()
@click.argument("broadcast_id")
@click.option("--at", type=When(), default="now", show_default=True, help="When it was sent: a day is its start.")
@_account
@_json
def sent(broadcast_id: str, at: str, account: str | None, json_: bool) -> None:
    """Say when it was sent, which the times to a tap are counted from."""
    show(call("PATCH", broadcast_path(broadcast_id), {"sent_at": at}, account=account), json_)


@click.command()
@click.argument("broadcast_id")
@click.argument("expires_at", type=When(ends=True, otherwise="never"))
@_account
@_json
def extend(broadcast_id: str, expires_at: str, account: str | None, json_: bool) -> None:
    """Set when its links end.

    A day means its end, +7d is from now, and with `never` they do not end.
    """
    change = {"expires_at": None if expires_at == "never" else expires_at}
    show(call("PATCH", broadcast_path(broadcast_id), change, account=account), json_)


@click.command()
@click.argument("broadcast_id")
@click.argument("index", type=click.IntRange(0, 31))
@click.argument("to")
@_account
@_json
def destination(broadcast_id: str, index: int, to: str, account: str | None, json_: bool) -> None:
    """Fix one of several destinations, numbered from 0, also for the links already sent."""
    path = f"{broadcast_path(broadcast_id)}/destinations/{index}"
    show(call("PATCH", path, {"to": to}, account=account), json_)
