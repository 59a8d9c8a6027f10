"""`taptrail doctor`."""

import asyncio
import itertools
import os
import sys
import textwrap
from collections.abc import Sequence
from functools import partial

import click
import msgspec

from cli.doctor.clickhouse import look_at_analyst, look_at_clickhouse
from cli.doctor.environment import SETTINGS, Given, given_to, look_at_keys, look_at_settings
from cli.doctor.finding import Finding, collected
from cli.doctor.host import look_at_host
from cli.doctor.lanes import look_at_lanes
from cli.doctor.redis import each_redis, look_at_redis
from cli.doctor.service import look_at_control, look_at_domains
from cli.plain import as_json, printable
from cli.show import console

_COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}
_STATE = 8  # columns of the state
_LEAST_TEXT = 44  # columns of text that are worth a column of their own


@click.command()
@click.argument("process", type=click.Choice([*SETTINGS, "all"]), default="all")
@click.option("--domains", is_flag=True, help="Also reach every short domain over https, as phones do. Where nothing "
              "of a process is set, only that.")  # fmt: skip
@click.option("--json", "json_", is_flag=True, help="Print the findings as JSON.")
def doctor(process: str, domains: bool, json_: bool) -> None:
    """Look at everything a process depends on, in its own environment; exits with status 1 if something is broken.

    Run it where the process runs, with its variables. It writes two keys to Redis for a moment and a
    file to the spool; nothing else is changed. Where clicks wait it looks twice, 3 s apart.
    """
    given = given_to(list(SETTINGS) if process == "all" else [process])
    if domains and process == "all" and not given.values:
        given = given_to([])
    loop = asyncio.new_event_loop()
    findings = loop.run_until_complete(examined(given, domains=domains))
    if json_:
        as_json({"findings": msgspec.to_builtins(findings)})
    else:
        _print(findings)
    sys.stdout.flush()
    # Not sys.exit, and the loop is not closed: both would wait for a look-up of a name that hangs.
    os._exit(any(one.state == "broken" for one in findings))


async def examined(given: Given, *, domains: bool) -> Sequence[Finding]:
    looks = {
        "settings": look_at_settings(given),
        "keys": look_at_keys(given),
        "host": look_at_host(given),
        **{redis.name: look_at_redis(redis, given.processes) for redis in each_redis(given)},
        "clickhouse": look_at_clickhouse(given),
        "clicks": look_at_lanes(given),
        "clickhouse analyst": look_at_analyst(given),
        "control api": look_at_control(given),
    }
    if domains:
        looks["domains"] = look_at_domains(given)
    return list(itertools.chain(*await asyncio.gather(*(collected(name, look) for name, look in looks.items()))))


def _print(findings: Sequence[Finding]) -> None:
    out = console()
    width = max(len(one.check) for one in findings)
    for one in findings:
        first, *rest = lines_of(one, width, out.width)
        out.print(first[:_STATE], style=_COLOURS[one.state], end="")
        out.print(first[_STATE:])
        for line in rest:
            out.print(line, style="bold" if line.lstrip().startswith("->") else None)
    counts = [f"{sum(one.state == state for one in findings)} {state}" for state in _COLOURS]
    out.print(", ".join(counts))


def lines_of(finding: Finding, width: int, columns: int) -> list[str]:
    """A finding for a terminal: state, check, what was found and, below it, what to do; folded at words.

    width: of the longest check. Where that leaves little room, the text stands below the check.
    """
    beside = _STATE + width + 2
    indent = beside if columns - beside >= _LEAST_TEXT else _STATE
    head = f"{finding.state:<{_STATE}}{printable(finding.check):<{width}}  "
    begin = [] if indent == beside else [head.rstrip()]
    first = head if indent == beside else " " * indent
    fold = partial(textwrap.wrap, width=columns, break_on_hyphens=False, break_long_words=False)
    found = fold(printable(finding.found), initial_indent=first, subsequent_indent=" " * indent)
    remedy = printable(finding.remedy)
    to_do = fold(remedy, initial_indent=" " * indent + "-> ", subsequent_indent=" " * (indent + 3)) if remedy else []
    return [*begin, *found, *to_do]
