"""`taptrail verify`."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.api import asked, broadcast_path, raise_for
from cli.plain import printable
from cli.show import EXIT, console, counted, say

_SAID = {
    "pass": "Pass: nothing is wrong with what was looked at.",
    "fail": "Fail: do not send before what failed is right.",
    "unsure": "Unsure: a person has to look at what could not be told.",
}
_EXAMPLES_SHOWN = 3


class _Sample(click.ParamType):  # type: ignore[type-arg]
    name = "NUMBER|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == "all":
            return "all"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor all", param, ctx)


@click.command()
@click.option("--broadcast", "broadcast_id", required=True, help="Its id.")
@click.option("--sample", type=_Sample(), default=200, show_default=True, help="How many links an edge is asked for.")
@click.option("--no-fetch", is_flag=True, help="Leave the destinations alone.")
@click.option("--final-host", "final_hosts", multiple=True, help="Where the pages may end; may be repeated.")
@click.option("--contact", "contact_id", default=None, help="Whose link to follow where destinations hold fields.")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="One JSON object a finding, the verdict last.")
def verify(
    broadcast_id: str, sample: int | str, no_fetch: bool, final_hosts: tuple[str, ...], contact_id: str | None,
    account: str | None, json_: bool,
) -> None:  # fmt: skip
    """Check a broadcast: its links, where an edge sends them, the pages behind them.

    Exits with status 0 for pass, 1 for fail, 3 for unsure.
    """
    body = {"sample": sample, "fetch": not no_fetch, "final_hosts": list(final_hosts), "contact_id": contact_id}
    query = {"progress": "true"} | ({"account": account} if account else {})
    sys.exit(EXIT[_verify(f"{broadcast_path(broadcast_id)}/verify", body, query, json_)])


def _verify(path: str, body: dict[str, Any], query: dict[str, str], json_: bool) -> str:
    """The verdict; everything is printed as it comes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("links asked", total=None)
        for line in _answer(path, body, query):
            if "asked" in line:
                is_last = body["fetch"] and line["asked"] == line["of"]
                doing = "all links asked, waiting for pages" if is_last else "links asked"
                bar.update(task, completed=line["asked"], total=line["of"], description=doing)
                continue
            bar.stop()  # else its line and this one are mixed on a terminal
            _print(line, json_)
            if "verdict" in line:
                return str(line["verdict"])
            bar.start()
    raise click.ClickException("the answer was cut off before its verdict; try again")


def _print(line: dict[str, Any], json_: bool) -> None:
    if json_:
        click.echo(printable(json.dumps(line, ensure_ascii=False)))
    elif "verdict" in line:
        _print_verdict(line)
    else:
        _print_finding(line)


def _answer(path: str, body: dict[str, Any], query: dict[str, str]) -> Iterator[dict[str, Any]]:
    with asked("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"}, query) as answer:
        raise_for(answer)
        yield from map(json.loads, answer)


def _print_finding(finding: dict[str, Any]) -> None:
    say(f"{finding['outcome'].upper():6} {finding['check']}: {printable(finding['detail'])}", " " * 7)
    examples = finding["examples"]
    for example in examples[:_EXAMPLES_SHOWN]:
        click.echo(f"       {printable(example)}")
    if len(examples) > _EXAMPLES_SHOWN:
        click.echo("       ... more with --json")


def _print_verdict(line: dict[str, Any]) -> None:
    counts = line["counts"]
    say(
        f"Looked at {counts['links_asked']} of {counted(counts['links'], 'link')} and "
        f"{counted(counts['destinations_fetched'], 'page')}: {counted(counts['fail'], 'failure')}, "
        f"{counted(counts['unsure'], 'doubt')}, {counted(counts['warn'], 'warning')}."
    )
    say(_SAID[line["verdict"]])
