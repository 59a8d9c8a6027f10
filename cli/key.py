"""`taptrail key`: the keys of an account."""

from typing import Any

import click

from cli.api import call, segment
from cli.plain import as_json
from cli.show import fields, rows

_SCOPES = ("report", "mint", "manage", "admin")
_json = click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
_account = click.option("--account", default=None, help="An account below the key's own.")


@click.group()
def key() -> None:
    """Make, list or revoke keys; a change is in force everywhere within a second."""


@key.command("create")
@_account
@click.option("--name", default="", help="Who or what has it, such as crm.")
@click.option("--scope", "--scopes", "scopes", multiple=True, metavar="SCOPE,...",
              help=f"What it may do, of {','.join(_SCOPES)}; may be repeated.  [default: all]")  # fmt: skip
@_json
def key_create(account: str | None, name: str, scopes: tuple[str, ...], json_: bool) -> None:
    """Make a key, and print it this once."""
    wanted = [scope.strip() for text in scopes for scope in text.split(",")] or list(_SCOPES)
    answer = call("POST", "/v1/keys", {"name": name, "scopes": wanted}, account=account)
    if json_:
        as_json(answer)
        return
    fields(answer)
    click.echo("Keep the key now: it is not shown again, and nobody can read it out.", err=True)


@key.command("list")
@_account
@click.option("--limit", type=int, default=None, help="How many of one page, 1 to 1,000.  [default: 100]")
@click.option("--cursor", default=None, help="The next_cursor of the page before.")
@_json
def key_list(account: str | None, limit: int | None, cursor: str | None, json_: bool) -> None:
    """List the keys of an account and of those below it."""
    page = _page(account, limit, cursor)
    if json_:
        as_json(page)
        return
    if not page["items"]:
        click.echo("No keys were made here; those of TAPTRAIL_API_KEYS are not listed.")
        return
    rows("Keys", [entry | {"scopes": ",".join(entry["scopes"])} for entry in page["items"]])
    if page["next_cursor"]:
        click.echo(f"There are more: --cursor {page['next_cursor']}")


@key.command("revoke")
@click.argument("key_id")
@_account
def key_revoke(key_id: str, account: str | None) -> None:
    """Revoke a key by its id."""
    named = segment("the id of the key", key_id, "the key_id of `taptrail key list`")
    call("DELETE", f"/v1/keys/{named}", account=account)
    click.echo(f"Key {key_id} is void.")


def _page(account: str | None, limit: int | None, cursor: str | None) -> dict[str, Any]:
    asked = None if limit is None else str(limit)
    answer: dict[str, Any] = call("GET", "/v1/keys", account=account, limit=asked, cursor=cursor)
    return answer
