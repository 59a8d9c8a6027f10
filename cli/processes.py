"""The three processes of production."""

import importlib
import sys

import click


def _process(name: str) -> click.Command:
    def run() -> None:
        sys.exit(importlib.import_module(f"{name}.__main__").main())

    help_text = (
        f"Run one {name} process until SIGTERM. Variables TAPTRAIL_* of the environment configure it; see README.md."
    )
    return click.command(name, help=help_text)(run)


edge, aggregator, control = _process("edge"), _process("aggregator"), _process("control")
