"""The three processes of production."""

import importlib
import signal
import sys
from types import FrameType

import click


def _process(name: str) -> click.Command:
    def run() -> None:
        # Process 1 of a container has no default action for a signal: without this, one that comes before the process
        # listens for it, as while the aggregator waits for ClickHouse, is lost.
        signal.signal(signal.SIGTERM, _ended)
        sys.exit(importlib.import_module(f"{name}.__main__").main())

    help_text = f"Run one {name} process until SIGTERM. Variables TAPTRAIL_* configure it; see docs/configuration.md."
    return click.command(name, help=help_text)(run)


def _ended(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


edge, aggregator, control = _process("edge"), _process("aggregator"), _process("control")
