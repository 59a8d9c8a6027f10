"""The commands of `taptrail`. Each is imported when it is called, so that --help and the processes start fast."""

import importlib
from typing import Any

import click

# command -> (module, attribute, what it does)
_COMMANDS = {
    "up": ("stack.up", "up", "Run the whole system in the foreground, on 127.0.0.1."),
    "mint": ("cli.mint", "mint", "Give every contact of a CSV file a short link of its own."),
    "compose": ("cli.compose", "compose", "Write the message of every contact, with links of its own; or a dry run."),
    "broadcast": ("cli.manage", "broadcast", "Show, create, fix, stop or resume a broadcast."),
    "domain": ("cli.manage", "domain", "Show or register a short domain."),
    "link": ("cli.manage", "link", "Make a shared link, or look one up."),
    "clicks": ("cli.clicks", "clicks", "List the clicks of a broadcast, or follow them."),
    "contact": ("cli.clicks", "contact", "Show what a contact was sent and tapped."),
    "canary": ("cli.canary", "canary", "Mint links that no contact has, to see what taps them."),
    "erase": ("cli.erase", "erase", "Erase a contact: every sum stays, and nobody knows who it was."),
    "verify": ("cli.verify", "verify", "Check a broadcast before it is sent: links, redirects, pages."),
    "share": ("cli.share", "share", "Make, list or revoke addresses that show a report without a key."),
    "key": ("cli.key", "key", "Make, list or revoke keys."),
    "report": ("cli.read", "report", "Show the engagement of a broadcast."),
    "ledger": ("cli.read", "ledger", "Check that every answered tap is accounted for."),
    "audit": ("cli.read", "audit", "Count every click in ClickHouse: none missing, none doubled."),
    "close-lane": ("cli.read", "close_lane", "Give up the clicks of an edge that is gone with its disk."),
    "sql": ("cli.read", "sql", "Query the click tables as an analyst."),
    "regrade": ("cli.regrade", "regrade", "Judge recorded clicks again by the rules of this release."),
    "doctor": ("cli.doctor.command", "doctor", "Look at everything the processes depend on, and say what to do."),
    "edge": ("cli.processes", "edge", "Run one edge process, configured by environment."),
    "aggregator": ("cli.processes", "aggregator", "Run one aggregator process, configured by environment."),
    "control": ("cli.processes", "control", "Run one control process, configured by environment."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if cmd_name == "up":
                raise click.ClickException(
                    f"`taptrail up` needs the embedded stack, and {error.name} is not installed. In a clone of the"
                    " repository, `make up` installs and runs it; `docker build --target stack .` builds an image"
                    " with it."
                ) from None
            raise
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError:  # click quotes what it repeats
            raise
        except click.ClickException as error:
            from cli.plain import printable  # noqa: PLC0415 - not for --help

            # It may quote a file, a visitor or a store.
            raise click.ClickException(printable(error.message)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(cls=_Lazy)
@click.version_option(package_name="taptrail", message="%(prog)s %(version)s")
def taptrail() -> None:
    """Branded, per-contact short links for text messages, with every tap recorded exactly once.

    Clients find the service by TAPTRAIL_CONTROL_URL and TAPTRAIL_API_KEY, or by the running `taptrail up` of this
    directory (TAPTRAIL_DATA names another --data).
    """


def main() -> None:
    taptrail(prog_name="taptrail")


if __name__ == "__main__":
    main()
