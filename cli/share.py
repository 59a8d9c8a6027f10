"""`taptrail share`: addresses that show one report without a key."""

import click

from cli.api import broadcast_path, call, segment
from cli.lists import show_list
from cli.plain import as_json
from cli.show import fields
from cli.times import When

_json = click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
_account = click.option("--account", default=None, help="An account below the key's own.")
_broadcast = click.option("--broadcast", "broadcast_id", required=True, help="Its id.")


@click.group()
def share() -> None:
    """Make, list or revoke addresses that show a report, without its contacts, to whoever has them."""


@share.command("create")
@_broadcast
@click.option("--until", type=When(ends=True), default=None,
              help="When it ends, in 366 days at most: 2026-12-31, +7d.  [default: +30d]")  # fmt: skip
@_account
@_json
def share_create(broadcast_id: str, until: str | None, account: str | None, json_: bool) -> None:
    """Make an address, and print it this once."""
    body = {} if until is None else {"expires_at": until}
    answer = call("POST", f"{broadcast_path(broadcast_id)}/shares", body, account=account)
    if json_:
        as_json(answer)
        return
    fields(answer)
    click.echo("Keep the address now: it is not shown again, and nobody can read it out.", err=True)


@share.command("list")
@_broadcast
@_account
@_json
def share_list(broadcast_id: str, account: str | None, json_: bool) -> None:
    """List the shares of a report that are in force, the oldest first."""
    found = call("GET", f"{broadcast_path(broadcast_id)}/shares", account=account)["items"]
    if not json_:
        found = [{**one, "made_by": (one["who"] or {}).get("key", "")} for one in found]
    columns = ("share_id", "created_at", "expires_at", "made_by")
    show_list(found, columns, "No address shows this report without a key.", json_=json_, csv_=False)


@share.command("revoke")
@click.argument("share_id")
@_account
def share_revoke(share_id: str, account: str | None) -> None:
    """Revoke a share by its id: its address shows nothing from now on."""
    named = segment("the id of the share", share_id, "the share_id of `taptrail share list`")
    call("DELETE", f"/v1/shares/{named}", account=account)
    click.echo(f"Share {share_id} is revoked.")
