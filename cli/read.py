"""`taptrail report`, `taptrail ledger`, `taptrail sql`."""

import asyncio
import os
import sys
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from cli.api import as_json, call, local_stack

console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)


@click.command()
@click.argument("broadcast_id")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def report(broadcast_id: str, account: str | None, json_: bool) -> None:
    """Show the engagement of a broadcast: people, not preview bots."""
    answer = call("GET", f"/v1/broadcasts/{quote(broadcast_id, safe='')}/report", account=account)
    if json_:
        as_json(answer)
        return
    rate = f"{answer['click_through_rate']:.1%}"
    console.print(f"{answer['broadcast_id']}: {answer['links']} links, {answer['contacts']} contacts, "
                  f"{answer['unique_contacts']} of them tapped ({rate})")  # fmt: skip
    console.print("Taps: " + ", ".join(f"{count} {name}" for name, count in answer["clicks"].items()))
    tap = answer["seconds_to_tap"]
    if tap.get("median") is not None:
        console.print(f"Seconds from send to tap: median {tap['median']:.0f}, 90 % within {tap['p90']:.0f}")
    for name in ("by_audience", "by_device", "by_country", "by_destination", "by_hour"):
        if answer.get(name):
            console.print(_table(name.replace("_", " ").capitalize(), answer[name]))


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_shown(name, value) for name, value in row.items()))
    return table


def _shown(name: str, value: Any) -> str:
    if name.endswith("rate") and isinstance(value, int | float):
        return f"{value:.1%}"
    return "-" if value in ("", None) else str(value)


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def ledger(json_: bool) -> None:
    """Check that every answered tap is accounted for; ends with 1 when one is missing or doubled."""
    answer = call("GET", "/v1/ledger")
    if json_:
        as_json(answer)
    else:
        _print_ledger(answer)
    sys.exit(1 if answer["gap"] else 0)


def _print_ledger(answer: dict[str, Any]) -> None:
    names = ("answered", "spooled", "waiting", "shipped", "pending", "inserted", "dead", "gap")
    table = Table(title="Ledger, in clicks", title_justify="left", box=None, pad_edge=False)
    for name in ("lane", *names):
        table.add_column(name, justify="left" if name == "lane" else "right", no_wrap=True)
    wrong = [lane for lane in answer["lanes"] if lane.get("gap")]
    for lane in (wrong or answer["lanes"])[:20]:
        table.add_row(str(lane["lane"]), *(str(lane.get(name, "")) for name in names))
    table.add_row("all", *(str(answer[name]) for name in names))
    console.print(table)
    if answer["gap"]:
        console.print(f"It does not add up: {answer['gap']} clicks are missing or doubled.")
    else:
        console.print("It adds up: every answered tap is in ClickHouse, in a dead letter, or on its way.")


@click.command()
@click.argument("query")
@click.option("--json", "json_", is_flag=True, help="One JSON object a row.")
def sql(query: str, json_: bool) -> None:
    """Query the click tables, read-only; TAPTRAIL_CLICKHOUSE_ANALYST_URL says where, or the local stack."""
    url = os.environ.get("TAPTRAIL_CLICKHOUSE_ANALYST_URL") or local_stack().get("clickhouse_analyst", "")
    if not url:
        raise click.ClickException("set TAPTRAIL_CLICKHOUSE_ANALYST_URL, or run `taptrail up` here")
    click.echo(asyncio.run(_query(url, query, "JSONEachRow" if json_ else "PrettyCompactMonoBlock")), nl=False)


async def _query(url: str, query: str, output_format: str) -> str:
    parts = urlsplit(url)
    endpoint = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    login = aiohttp.BasicAuth(parts.username or "default", parts.password or "")
    parameters = {"database": "taptrail", "default_format": output_format}
    try:
        async with (
            aiohttp.ClientSession(auth=login) as session,
            session.post(endpoint, params=parameters, data=query.encode()) as response,
        ):
            text = await response.text()
    except aiohttp.ClientError as error:
        raise click.ClickException(f"ClickHouse at {endpoint} cannot be reached: {error}") from error
    if response.status != 200:
        raise click.ClickException(text.strip())
    return text
