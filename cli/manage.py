"""`taptrail broadcast`, `taptrail domain`, `taptrail link`."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import msgspec

from cli.api import broadcast_path, call, domain_path, download, segment, warn
from cli.domain_check import show_checked
from cli.history import destination, extend, history, rollback, sent, show
from cli.lists import items, list_options, show_list
from cli.options import missing_of, named_of, options_of
from cli.times import When
from records.broadcast import Broadcast
from records.domain import Domain

_json = click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
_BROADCAST_COLUMNS = ("broadcast_id", "short_domain", "destinations", "sent_at", "expires_at", "stopped", "keyword")
_account = click.option("--account", default=None, help="An account below the key's own.")


def _put(record: type[msgspec.Struct], path: str, given: dict[str, Any], account: str | None, json_: bool) -> None:
    """Change what is named and nothing else, or create what is not there yet."""
    named = named_of(record, given)
    answer = call("PATCH", path, named, missing_ok=True, account=account)
    if answer is None:
        if missing := missing_of(record, named):
            raise click.UsageError(f"there is none yet; a new one needs {' and '.join(missing)}")
        answer = call("PUT", path, named, account=account)
    show(answer, json_)


@click.group()
def broadcast() -> None:
    """Show, create, fix, stop or resume a broadcast; a change is in force on every link within a second."""


@broadcast.command("show")
@click.argument("broadcast_id")
@_account
@_json
def broadcast_show(broadcast_id: str, account: str | None, json_: bool) -> None:
    """Print a broadcast."""
    show(call("GET", broadcast_path(broadcast_id), account=account), json_)


@broadcast.command("list")
@click.option("--q", default=None, help="Part of the id, the keyword or the source.")
@click.option("--state", type=click.Choice(["live", "over", "archived"]), default=None,
              help="All but the archived without it.")  # fmt: skip
@click.option(
    "--since", type=When(), default=None, help="Sent then or later: 2026-05-01, 2026-05-01 09:00 Europe/Berlin."
)
@list_options
def broadcast_list(
    q: str | None, state: str | None, since: str | None, limit: int | None, account: str | None, json_: bool, csv_: bool
) -> None:
    """List broadcasts, the newest first."""
    found = list(items("/v1/broadcasts", limit, q=q, state=state, since=since, account=account))
    show_list(found, _BROADCAST_COLUMNS, "No such broadcast.", json_=json_, csv_=csv_)


@broadcast.command("archive")
@click.argument("broadcast_id")
@click.option("--undo", is_flag=True, help="Bring it back into lists.")
@_account
@_json
def broadcast_archive(broadcast_id: str, undo: bool, account: str | None, json_: bool) -> None:
    """Take a broadcast out of lists; its links live on."""
    _patch(broadcast_id, {"archived": not undo}, account, json_)


@broadcast.command("delete")
@click.argument("broadcast_id")
@_account
def broadcast_delete(broadcast_id: str, account: str | None) -> None:
    """Delete a broadcast that has no link yet."""
    call("DELETE", broadcast_path(broadcast_id), account=account)
    click.echo(f"Broadcast {broadcast_id} is deleted.")


@broadcast.command("put")
@click.argument("broadcast_id")
@options_of(Broadcast)
@_account
@_json
def broadcast_put(broadcast_id: str, account: str | None, json_: bool, **given: Any) -> None:
    """Create a broadcast, or change what is named of it; an empty value clears."""
    _put(Broadcast, broadcast_path(broadcast_id), given, account, json_)


def _patch(broadcast_id: str, change: dict[str, Any], account: str | None, json_: bool) -> None:
    show(call("PATCH", broadcast_path(broadcast_id), change, account=account), json_)


@broadcast.command("to")
@click.argument("broadcast_id")
@click.argument("destinations", nargs=-1, required=True)
@_account
@_json
def broadcast_to(broadcast_id: str, destinations: tuple[str, ...], account: str | None, json_: bool) -> None:
    """Fix where the links lead, also those already sent."""
    before = call("GET", broadcast_path(broadcast_id), account=account)["destinations"]
    answer = call("PATCH", broadcast_path(broadcast_id), {"destinations": list(destinations)}, account=account)
    for name in sorted(_placeholders(before) - _placeholders(answer["destinations"])):
        warn(f"{name} is gone: the destination before had it; fix it with `taptrail broadcast to` where it is needed")
    show(answer, json_)


def _placeholders(destinations: list[str]) -> set[str]:
    return {name for url in destinations for name in re.findall(r"\{[a-z_]+\}", url)}


@broadcast.command("stop")
@click.argument("broadcast_id")
@_account
@_json
def broadcast_stop(broadcast_id: str, account: str | None, json_: bool) -> None:
    """Switch all its links off."""
    _patch(broadcast_id, {"stopped": True}, account, json_)


@broadcast.command("resume")
@click.argument("broadcast_id")
@_account
@_json
def broadcast_resume(broadcast_id: str, account: str | None, json_: bool) -> None:
    """Switch its links on again."""
    _patch(broadcast_id, {"stopped": False}, account, json_)


broadcast.add_command(extend, "extend")
broadcast.add_command(extend, "expire")
for _command in (destination, history, rollback, sent):
    broadcast.add_command(_command)


@click.group()
def domain() -> None:
    """Show or register a short domain."""


@domain.command("show")
@click.argument("name")
@_account
@_json
def domain_show(name: str, account: str | None, json_: bool) -> None:
    """Print a domain."""
    show(call("GET", domain_path(name), account=account), json_)


@domain.command("list")
@list_options
def domain_list(limit: int | None, account: str | None, json_: bool, csv_: bool) -> None:
    """List domains, by name."""
    found = list(items("/v1/domains", limit, account=account))
    columns = ("short_domain", "account", "display_name", "home")
    show_list(found, columns, "No domain is registered.", json_=json_, csv_=csv_)


@domain.command("put")
@click.argument("name")
@options_of(Domain)
@_account
@_json
def domain_put(name: str, account: str | None, json_: bool, **given: Any) -> None:
    """Register a domain, or change what is named of it; an empty value clears."""
    _put(Domain, domain_path(name), given, account, json_)


@domain.command("check")
@click.argument("name")
@click.option("--port", type=click.IntRange(1, 65_535), default=None, help="Where TLS is asked for.  [default: 443]")
@_account
@_json
def domain_check(name: str, port: int | None, account: str | None, json_: bool) -> None:
    """Look at a domain as recipients meet it: its DNS, its certificate, and that an edge answers.

    Exits with status 0 for pass, 1 for fail, 3 for unsure.
    """
    body = {} if port is None else {"port": port}
    show_checked(call("POST", f"{domain_path(name)}/check", body, account=account), json_=json_)


@domain.command("delete")
@click.argument("name")
@_account
def domain_delete(name: str, account: str | None) -> None:
    """Give up a domain that has no links; any account may register it then."""
    call("DELETE", domain_path(name), account=account)
    click.echo(f"{name} is deleted.")


@click.group()
def link() -> None:
    """Make a shared link, or look one up."""


@link.command("make")
@click.option("--domain", default=None)
@click.option("--to", "destination", default=None)
@click.option("--slug", default=None, help="Chosen by you, such as SALE; without it the link gets a code.")
@click.option("--source", default=None)
@click.option("--keyword", default=None)
@click.option("--broadcast", "broadcast_id", default=None, help="Instead of --to: one of its destinations.")
@click.option("--destination-index", type=int, default=None)
@_account
@_json
def link_make(domain: str | None, account: str | None, json_: bool, **given: Any) -> None:
    """Make a link without a contact: for a keyword, a poster, a page."""
    if (given["destination"] is None) == (given["broadcast_id"] is None):
        raise click.UsageError("expected either --to, the destination of the link, or --broadcast, and not both")
    if given["destination"] is not None and domain is None:
        raise click.UsageError("--to needs --domain, the short domain of the link")
    body = {"short_domain": domain, **given}
    show(call("POST", "/v1/links", {k: v for k, v in body.items() if v is not None}, account=account), json_)


@link.command("list")
@click.option("--domain", default=None, help="On this short domain alone.")
@list_options
def link_list(domain: str | None, limit: int | None, account: str | None, json_: bool, csv_: bool) -> None:
    """List the shared links: those without a contact."""
    found = list(items("/v1/links", limit, domain=domain, account=account))
    show_list(found, ("short_url", "state", "goes_to", "keyword"), "No shared link.", json_=json_, csv_=csv_)


@link.command("change")
@click.argument("short_url")
@click.option("--to", "destination", default=None, help="Where it leads from now on.")
@click.option("--source", default=None)
@click.option("--keyword", default=None)
@_account
@_json
def link_change(short_url: str, account: str | None, json_: bool, **given: Any) -> None:
    """Change a shared link that was made with --to; in force within a second."""
    named = {name: value for name, value in given.items() if value is not None}
    show(call("PATCH", _link_path(short_url), named, account=account), json_)


@link.command("delete")
@click.argument("short_url")
@_account
def link_delete(short_url: str, account: str | None) -> None:
    """Delete a shared link that was made with --to: it answers 410, and its slug stays taken."""
    call("DELETE", _link_path(short_url), account=account)
    click.echo(f"{short_url} is deleted.")


@link.command("show")
@click.argument("short_url")
@_account
@_json
def link_show(short_url: str, account: str | None, json_: bool) -> None:
    """Say what a short URL is and where it goes now."""
    show(call("GET", _link_path(short_url), account=account), json_)


@link.command("qr")
@click.argument("short_url")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="A file that ends in .svg or .png.")
@click.option("--size", type=int, default=None, help="Width and height in pixels, 64 to 4096.  [default: 512]")
@click.option("--border", type=int, default=None, help="Of the quiet zone, in modules.  [default: 4]")
@_account
def link_qr(short_url: str, out: str, size: int | None, border: int | None, account: str | None) -> None:
    """Draw the QR code of a short URL; clicks of its scans have via = 'qr'."""
    kind = Path(out).suffix.lower()
    if kind not in (".svg", ".png"):
        raise click.UsageError(f"--out is {out}; expected a file that ends in .svg or .png")
    drawn = download(f"{_link_path(short_url)}/qr{kind}", account=account, size=size, border=border)
    try:
        Path(out).write_bytes(drawn)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from None
    click.echo(f"The QR code is in {out}.")


def _link_path(short_url: str) -> str:
    host, code = _host_and_code(short_url)
    expected = "the code or slug of a link, such as aB3dE5fG7"
    return f"/v1/links/{segment('the domain', host, 'a host name')}/{segment('the code', code, expected)}"


def _host_and_code(short_url: str) -> tuple[str, str]:
    """A short URL as people paste it: with or without its scheme, with a query glued on."""
    given = short_url.strip()
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        host, code = parts.netloc, unquote(parts.path).strip("/")
    except ValueError:
        host = code = ""
    if not host or not code:
        raise click.ClickException(f"{short_url!r} is not a short URL; expected go.acme.example/CODE")
    return host, code
