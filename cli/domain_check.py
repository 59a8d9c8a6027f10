"""What `taptrail domain check` found, a line a finding, each with what to do."""

import sys
from typing import Any

import click

from cli.plain import as_json, printable
from cli.show import EXIT, say

_INDENT = " " * 7  # of what belongs to a finding
_SAID = {
    "pass": "Pass: recipients reach an edge under {domain}.",
    "fail": "Fail: send no link on {domain} before what failed is right.",
    "unsure": "Unsure: a person has to look at what could not be told from here.",
}


def show_checked(answer: dict[str, Any], *, json_: bool) -> None:
    """Prints the answer, and ends the command with the status of its verdict."""
    if json_:
        as_json(answer)
    else:
        for finding in answer["findings"]:
            _print(finding)
        click.echo(_SAID[answer["verdict"]].format(domain=printable(answer["domain"])))
    sys.exit(EXIT[answer["verdict"]])


def _print(finding: dict[str, Any]) -> None:
    of = f" ({', '.join(finding['addresses'])})" if finding["addresses"] else ""
    say(printable(f"{finding['outcome'].upper():6} {finding['check']}: {finding['detail']}{of}"), _INDENT)
    if finding["remedy"]:
        say(printable(f"{_INDENT}What to do: {finding['remedy']}."), _INDENT)
