"""`taptrail report`, `taptrail ledger`, `taptrail audit`, `taptrail close-lane`, `taptrail sql`."""

import os
import sys
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

import click
from rich.table import Table

from cli.api import broadcast_path, call, checked_url, local_stack, segment
from cli.plain import as_json, printable
from cli.show import console, counted, rows, say
from cli.wire import FAULTS, answered

LANES_SHOWN = 20


@click.command()
@click.argument("broadcast_id")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--tz", default=None, help="Zone of the hours of the week; by default the broadcast's timezone.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def report(broadcast_id: str, account: str | None, tz: str | None, json_: bool) -> None:
    """Show the engagement of a broadcast: people, not preview bots."""
    answer = call("GET", f"{broadcast_path(broadcast_id)}/report", account=account, tz=tz)
    if json_:
        as_json(answer)
        return
    rate = f"{answer['click_through_rate']:.1%}"
    say(f"{answer['broadcast_id']}: {counted(answer['links'], 'link')}, {counted(answer['contacts'], 'contact')}, "
               f"{answer['unique_contacts']} of them tapped ({rate})")  # fmt: skip
    say("Taps: " + ", ".join(f"{count} {name}" for name, count in answer["clicks"].items()))
    tap = answer["seconds_to_tap"]
    if tap.get("median") is not None:
        say(f"Seconds from send to tap: median {tap['median']:.0f}, 90 % within {tap['p90']:.0f}")
    if passed_on := answer.get("passed_on_links"):
        links = "1 personal link was" if passed_on == 1 else f"{passed_on} personal links were"
        say(f"{links} tapped by more people than one can be: was the same link sent to several recipients?")
    if visitors := answer.get("visitors"):
        say(f"Shared links: {visitors} visitors, counted by the day")
    if previews := answer.get("previews_delivered"):
        say(f"Previews: fetched for the messages of {previews} contacts")
    _print_canaries(answer)
    if (segments := answer.get("segments", {})).get("messages"):
        say(f"Composed: {counted(segments['messages'], 'message')} of {counted(segments['segments'], 'segment')}")
    for name in _TABLES:
        if answer.get(name):
            rows(_HEADINGS.get(name) or name.replace("_", " ").capitalize(), answer[name])
    if week := answer.get("by_weekday_hour"):
        rows(f"Hours of the week in {answer['tz']}", _week(week))
    for warning in answer.get("warnings", []):
        say(f"Warning, {warning['warning']}: {warning['count']} {warning['detail']}", "  ")


def _print_canaries(answer: dict[str, Any]) -> None:
    """What was tapped by others than the recipients."""
    if (forwarded := answer.get("forwarded", {})).get("links"):
        links = "1 link was" if forwarded["links"] == 1 else f"{forwarded['links']} links were"
        say(f"Forwarded: {links} tapped on devices that differ, {forwarded['taps']} times by others")
    canaries = answer.get("canaries", {})
    if canaries.get("links"):
        low, high = canaries["scan_rate_95"]
        say(
            f"Canaries: {canaries['tapped']} of {canaries['links']} tapped, so machines open {low:.1%} to {high:.1%} of"
            f" all links; {canaries['judged_human']} of these were judged human"
        )


_TABLES = (
    *("by_audience", "by_device", "by_os", "by_browser", "by_country", "by_region"),
    *("by_destination", "by_hour", "by_hour_since_send"),
)
_HEADINGS = {
    "by_os": "By system",
    "by_country": "By country of the network",
    "by_region": "By region of the network (a phone's is mostly its carrier's gateway)",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _week(cells: list[dict[str, int]]) -> list[dict[str, Any]]:
    """A line for each hour that has taps, a column for each day."""
    clicks = {(cell["hour"], cell["weekday"]): cell["clicks"] for cell in cells}
    return [
        {"hour": f"{hour:02}", **{day: clicks.get((hour, number), "") for number, day in enumerate(_DAYS, 1)}}
        for hour in sorted({hour for hour, _ in clicks})
    ]


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def ledger(json_: bool) -> None:
    """Check that every answered tap is accounted for; exits with status 1 if one is missing or doubled."""
    answer = call("GET", "/v1/ledger")
    if json_:
        as_json(answer)
    else:
        _print_ledger(answer)
    sys.exit(1 if answer["gap"] else 0)


def _print_ledger(answer: dict[str, Any]) -> None:
    names = ("answered", "spooled", "waiting", "shipped", "pending", "inserted", "dead", "gap")
    table = Table(title="Ledger, in clicks", title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("lane", *names):
        table.add_column(name, justify="left" if name == "lane" else "right", no_wrap=True)
    for lane in answer["lanes"][:LANES_SHOWN]:
        table.add_row(str(lane["lane"]), *(str(lane.get(name, "")) for name in names))
    table.add_row("all", *(str(answer[name]) for name in names))
    console().print(table)
    _print_remarks(answer)
    if answer["gap"]:
        say(f"It does not add up: {answer['gap']} clicks are missing or doubled.")
    else:
        say("It adds up: every answered tap is in ClickHouse, a dead letter, or on its way.")


def _print_remarks(answer: dict[str, Any]) -> None:
    """What the sums do not show."""
    not_shown = len(answer["lanes"][LANES_SHOWN:])
    if answer["lanes_whole"] or not_shown:
        say(f"Not listed: {answer['lanes_whole']} lanes that are over and whole, {not_shown} others.")
    for lane in [lane for lane in answer["lanes"] if lane["silent_since"]][:LANES_SHOWN]:
        say(
            f"Lane {lane['lane']} of {lane['edge_id']} has not been heard of since {lane['silent_since']}: "
            f"{lane['not_arrived']} clicks answered by its last report have not arrived (docs/runbook.md#lost-host)."
        )
    if answer["unrecorded"]:
        say(
            f"{answer['unrecorded']} answered clicks are unrecorded: disk and memory were full (docs/runbook.md#spool)."
        )
    if answer["lost"]:
        say(f"{answer['lost']} answered clicks are lost for good (docs/runbook.md#clicks-lost).")


@click.command("close-lane")
@click.argument("lane")
@click.option("--not-arrived", type=int, required=True, help="How many clicks are given up, as the ledger says.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def close_lane(lane: str, not_arrived: int, json_: bool) -> None:
    """Give up the clicks of a lane whose edge is gone with its disk; they are kept on record as lost."""
    path = f"/v1/lanes/{segment('the lane', lane, '16 hexadecimal digits, as the ledger names it')}/close"
    answer = call("POST", path, {"not_arrived": not_arrived})
    if json_:
        as_json(answer)
    else:
        say(f"Lane {answer['lane']} of {answer['edge_id']} is closed, {answer['lost']} clicks are lost.")


@click.command()
@click.option("--hours", default=24.0, show_default=True, help="Look at the lanes with a click in so many hours.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def audit(hours: float, json_: bool) -> None:
    """Count every click in ClickHouse, lane by lane; exits with status 1 if one is missing or doubled."""
    answer = call("GET", "/v1/audit", hours=str(hours))
    wrong = answer["missing"] + answer["doubled"] + answer["unprojected"]
    if json_:
        as_json(answer)
    else:
        _print_audit(answer, wrong)
    sys.exit(1 if wrong else 0)


def _print_audit(answer: dict[str, Any], wrong: int) -> None:
    if answer["faults"]:
        rows("Lanes with a fault, in clicks", answer["faults"])
    say(f"{answer['lanes']} lanes of the last {answer['hours']:g} hours, {answer['rows']} rows: "
               f"{answer['missing']} missing, {answer['doubled']} doubled.")  # fmt: skip
    if answer["unprojected"]:
        say(f"The projection per_lane is wrong by {answer['unprojected']} rows.")
    if wrong:
        say("What to do: docs/runbook.md#audit")


@click.command()
@click.argument("query")
@click.option("--json", "json_", is_flag=True, help="One JSON object a row.")
@click.option("--csv", "csv_", is_flag=True, help="CSV with a header.")
def sql(query: str, json_: bool, csv_: bool) -> None:
    """Query the click tables, read-only; TAPTRAIL_CLICKHOUSE_ANALYST_URL says where, or the local stack.

    A table for people on a terminal; into a pipe or a file all rows, separated by tabs.
    """
    if json_ and csv_:
        raise click.UsageError("--json and --csv exclude each other")
    url = os.environ.get("TAPTRAIL_CLICKHOUSE_ANALYST_URL") or local_stack().get("clickhouse_analyst", "")
    if not url:
        raise click.ClickException("set TAPTRAIL_CLICKHOUSE_ANALYST_URL, or run `taptrail up` here")
    where = checked_url("TAPTRAIL_CLICKHOUSE_ANALYST_URL", url)
    piped = "PrettyCompactMonoBlock" if sys.stdout.isatty() else "TabSeparatedWithNames"
    output_format = "JSONEachRow" if json_ else "CSVWithNames" if csv_ else piped
    answer = _query(where, query, output_format)
    # Into a file or a pipe as it is; on a terminal no User-Agent moves the cursor.
    click.echo(printable(answer.decode(errors="replace")) if sys.stdout.isatty() else answer, nl=False)


def _query(url: str, query: str, output_format: str) -> bytes:
    parts = urlsplit(url)
    endpoint = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    login = f"{unquote(parts.username or 'default')}:{unquote(parts.password or '')}".encode()
    headers = {"Authorization": f"Basic {b64encode(login).decode()}"}
    parameters = {"database": "taptrail", "default_format": output_format}
    data = query.encode(errors="surrogateescape")
    try:
        with answered("POST", endpoint, data, headers=headers, query=parameters, silence_s=None) as response:
            answer = response.read()
    except FAULTS as error:
        raise click.ClickException(f"ClickHouse at {endpoint} cannot be reached: {error}") from error
    if response.status != 200:
        raise click.ClickException(answer.decode(errors="replace").strip() or f"{endpoint} answered {response.status}")
    return answer
