"""`taptrail clicks`, `taptrail contact`."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from cli.api import broadcast_path, call, contact_path
from cli.lists import cell, items, list_options, show_list
from cli.plain import as_json, printable
from cli.times import When

_COLUMNS = (
    "clicked_at",
    "visit_class",
    "contact_id",
    "destination_index",
    "device_type",
    "country",
    "code",
    "via",
    "query_marks",
)
_RARE = ("via", "query_marks")  # columns of a table only where a click has something in them
_LINKS = ("broadcast_id", "short_url", "state", "goes_to", "minted_at")
_CLASSES = ("human", "preview", "prefetch", "scanner", "bot", "unknown")
_LATE = timedelta(minutes=2)  # a click may arrive so much later than it happened
_EVERY_S = 1.0


@click.command()
@click.option("--broadcast", "broadcast_id", required=True, help="Its id.")
@click.option("--class", "visit_class", type=click.Choice(_CLASSES), default=None, help="Of this class alone.")
@click.option("--since", type=When(), default=None, help="2026-05-01, 2026-05-01 09:00 Europe/Berlin.")
@click.option("--follow", is_flag=True, help="Print the clicks from now on, as they come, until Ctrl-C.")
@list_options
def clicks(
    broadcast_id: str, visit_class: str | None, since: str | None, follow: bool, limit: int | None,
    account: str | None, json_: bool, csv_: bool,
) -> None:  # fmt: skip
    """List the clicks of a broadcast, the newest first."""
    path = f"{broadcast_path(broadcast_id)}/clicks"
    query: dict[str, str | None] = {"class": visit_class, "account": account}
    if follow:
        _follow(path, query, json_)
        return
    found = list(items(path, limit, since=since, **query))
    show_list(found, _COLUMNS if csv_ else _columns(found), "No clicks yet.", json_=json_, csv_=csv_)


def _columns(clicks: list[dict[str, Any]]) -> list[str]:
    return [name for name in _COLUMNS if name not in _RARE or any(each[name] for each in clicks)]


def _follow(path: str, query: dict[str, str | None], json_: bool) -> None:
    seen: dict[str, None] = {}  # click ids, in the order in which they were seen
    began = datetime.now(UTC)
    while True:
        since = max(began, datetime.now(UTC) - _LATE).isoformat()
        for each in reversed(list(items(path, None, since=since, **query))):
            if each["click_id"] not in seen:
                seen[each["click_id"]] = None
                click.echo(_line(each, json_))
        while len(seen) > 100_000:
            del seen[next(iter(seen))]
        time.sleep(_EVERY_S)


def _line(each: dict[str, Any], json_: bool) -> str:
    if json_:
        return printable(json.dumps(each, ensure_ascii=False))
    return printable("  ".join(cell(each[name]) or "-" for name in _COLUMNS))


@click.group()
def contact() -> None:
    """Show what a contact was sent and tapped, across broadcasts."""


@contact.command("show")
@click.argument("contact_id")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def contact_show(contact_id: str, account: str | None, json_: bool) -> None:
    """Print the newest links and clicks of a contact."""
    answer = call("GET", contact_path(contact_id), account=account)
    if json_:
        as_json(answer)
        return
    click.echo(f"Links of {printable(answer['contact_id'])}")
    show_list(answer["links"], _LINKS, "", json_=False, csv_=False)
    click.echo("Clicks")
    columns = ["broadcast_id", *(name for name in _columns(answer["clicks"]) if name != "contact_id")]
    show_list(answer["clicks"], columns, "None yet.", json_=False, csv_=False)
