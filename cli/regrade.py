"""`taptrail regrade`: an operator's command, beside an aggregator and in its environment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from aggregator.regrade import Change, Filter, Found, Regrade
from cli.doctor.environment import given_to
from cli.plain import as_json
from cli.show import console, rows
from cli.times import Since
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

_LONGEST_STATEMENT_S = 86_400.0  # over one partition; questions for its progress end long before


@click.command()
@click.option("--broadcast", default=None, help="Only the clicks of this broadcast.")
@click.option("--since", type=Since(), default=None, help="Only clicks from then on: 30d (w, d, h or m), 2026-05-01.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change no click.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def regrade(broadcast: str | None, since: datetime | None, dry_run: bool, json_: bool) -> None:
    """Judge recorded clicks again by the rules of this release: who was a person, and which machine.

    Run it where an aggregator of this release runs, with its variables. Only rows whose verdict differs are written;
    clicks may arrive meanwhile. Killed at any time, it has changed some of them: run it again.
    """
    if broadcast == "":  # such as of a variable that is not set: not all of them
        raise click.ClickException("there is no broadcast ''; leave --broadcast out for all")
    which = Filter(broadcast or "", int(since.timestamp() * 1000) if since else 0)
    try:
        found = asyncio.run(_regraded(_given(), which, dry_run=dry_run))
    except ClickHouseUnreachable as error:
        raise click.ClickException(
            f"ClickHouse cannot be reached: {error}. What it has begun it finishes itself; run this again for the rest."
        ) from error
    except ClickHouseRefused as error:
        raise click.ClickException(f"ClickHouse refuses a statement: {error} (docs/runbook.md#regrade)") from error
    if json_:
        as_json({"judged": found.judged, "changes": msgspec.to_builtins(found.changes)})
    else:
        _print(found, dry_run=dry_run)


def _given() -> tuple[str, int]:
    """Where ClickHouse is, and for how many months agents are kept."""
    given = given_to(["aggregator"])
    named = ("TAPTRAIL_CLICKHOUSE_URL", "TAPTRAIL_KEEP_AGENTS_MONTHS")
    faults = [fault for fault in given.faults if any(name in fault for name in named)]
    if not faults:
        return str(given.values["clickhouse_url"]), int(given.values.get("keep_agents_months", 0))
    raise click.ClickException("; ".join(faults) + ". Run this in the environment of an aggregator.")


async def _regraded(given: tuple[str, int], which: Filter, *, dry_run: bool) -> Found:
    url, keep_agents_months = given
    async with ClickHouse(url, timeout_s=_LONGEST_STATEMENT_S) as clickhouse:
        run = Regrade(clickhouse, which, keep_agents_months=keep_agents_months)
        if not await run.is_known():
            raise click.ClickException(
                f"there is no broadcast {which.broadcast_id!r}; `taptrail broadcast list` has all"
            )
        with _wait("Looking for verdicts that differ"):
            found = await run.find()
        if not dry_run:
            await _with_a_bar(run.apply(found), found.rows)
        await run.forget()
        return found


def _wait(what: str) -> AbstractContextManager[object]:
    out = console(stderr=True)
    return out.status(what) if out.is_terminal else nullcontext()


async def _with_a_bar(progress: AsyncIterator[Any], rows_to_do: int) -> None:
    """Nothing but a terminal gets a bar."""
    columns = (TextColumn("Judging again"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    out = console(stderr=True)
    with Progress(*columns, console=out, disable=not (rows_to_do and out.is_terminal)) as bar:
        task = bar.add_task("", total=rows_to_do, left="")
        async for now in progress:
            left = f"{now.parts_left} parts of this month left" if now.parts_left else ""
            bar.update(task, completed=now.rows, left=left)


def _print(found: Found, *, dry_run: bool) -> None:
    if found.changes:
        rows("Would change" if dry_run else "Changed", [_shown(change) for change in found.changes])
    changed = sum(change.rows for change in found.changes)
    verb = "would change" if dry_run else "changed"
    click.echo(f"Different visits judged: {found.judged}. Clicks that {verb} their class: {changed}; "
               f"their reasons alone: {found.rows - changed}.")  # fmt: skip


def _shown(change: Change) -> dict[str, Any]:
    return {"broadcast": change.broadcast_id, "old": change.old, "new": change.new, "rows": change.rows}
