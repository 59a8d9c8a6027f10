"""`taptrail mint`: contacts in, short links out."""

import asyncio
import csv
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.api import as_json, call, stream
from cli.contacts import BadLine, Contact, ContactsError, checked, fingerprint, read_contacts

OUT_COLUMNS = ("contact_id", "destination_index", "link_id", "code", "short_url")
SEND_BYTES = 256 * 1024


class _Line(msgspec.Struct):
    """One line of the answer: a link, or why there is none."""

    contact_id: str = ""
    destination_index: int = 0
    link_id: int = 0
    code: str = ""
    short_url: str = ""
    line: int = 0
    error: Any = None


@click.command()
@click.option("--domain", required=True, help="The short domain, such as go.acme.example.")
@click.option("--broadcast", "broadcast_id", required=True, help="Its id; created if it does not exist yet.")
@click.option("--to", "destinations", multiple=True, help="Where the links lead; several for several links a message.")
@click.option("--contacts", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="CSV, written when complete."
)
@click.option("--source", default="sms", show_default=True)
@click.option("--keyword", default="")
@click.option("--expires-at", default=None, help="RFC 3339, such as 2026-12-31T23:00:00Z.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out instead of refusing the file.")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
def mint(
    domain: str,
    broadcast_id: str,
    destinations: tuple[str, ...],
    contacts: Path,
    out: Path,
    source: str,
    keyword: str,
    expires_at: str | None,
    skip_bad: bool,
    account: str | None,
    json_: bool,
) -> None:
    """Give every contact of a CSV file a short link of its own.

    CONTACTS has a header with `contact_id` and, optionally, `audience` and `destination_index`. The same file and
    broadcast give the same links again, also after an interruption.
    """
    try:
        bad, good = checked(contacts, skip_bad=skip_bad)
    except ContactsError as error:
        raise click.ClickException(str(error)) from None
    shared = {"source": source, "keyword": keyword, "expires_at": expires_at}
    per_line = ensure_broadcast(domain, broadcast_id, list(destinations), shared, account)
    for fault in bad:
        click.echo(f"line {fault.line_no} skipped: {fault.error}", err=True)
    written = asyncio.run(_mint(contacts, broadcast_id, out, good * per_line, {line.line_no for line in bad}, account))
    result = {"broadcast_id": broadcast_id, "links": written, "skipped": len(bad), "out": str(out)}
    if json_:
        as_json(result)
    else:
        click.echo(f"{written} links are in {out}" + (f", {len(bad)} lines were skipped" if bad else ""))


def ensure_broadcast(
    domain: str, broadcast_id: str, destinations: list[str], shared: dict[str, Any], account: str | None
) -> int:
    """Create the broadcast where there is none, and its domain; gives the number of its destinations."""
    path = f"/v1/broadcasts/{quote(broadcast_id, safe='')}"
    found = call("GET", path, missing_ok=True, account=account)
    if found is not None:
        if found["short_domain"] != domain:
            raise click.ClickException(f"broadcast {broadcast_id} is on {found['short_domain']}, not on {domain}")
        if destinations and destinations != found["destinations"]:
            raise click.ClickException(
                f"broadcast {broadcast_id} leads to {', '.join(found['destinations'])}; change it with "
                f"`taptrail broadcast to {broadcast_id} URL`, or leave --to out"
            )
        return len(found["destinations"])
    if not destinations:
        raise click.ClickException(f"there is no broadcast {broadcast_id} yet; --to says where its links lead")
    if call("GET", f"/v1/domains/{quote(domain, safe='')}", missing_ok=True, account=account) is None:
        call("PUT", f"/v1/domains/{quote(domain, safe='')}", {}, account=account)
        click.echo(f"The domain {domain} was not known and is registered now; it must point to the edge.", err=True)
    body = {"short_domain": domain, "destinations": destinations} | {k: v for k, v in shared.items() if v}
    return len(call("PUT", path, body, account=account)["destinations"])


async def _mint(
    contacts: Path, broadcast_id: str, out: Path, total: int, skipped: set[int], account: str | None
) -> int:
    headers = {
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": fingerprint(contacts, f"{account or ''} {broadcast_id} {len(skipped)}"),
    }
    path = f"/v1/broadcasts/{quote(broadcast_id, safe='')}/links"
    answer = stream(path, _request(contacts, skipped), headers, {"account": account} if account else {})
    partial = out.with_name(out.name + ".partial")
    decoder = msgspec.json.Decoder(_Line)
    written = 0
    with _progress() as progress, partial.open("w", newline="") as file:
        task = progress.add_task("Minting", total=total)
        writer = csv.writer(file)
        writer.writerow(OUT_COLUMNS)
        async for raw in answer:
            line = decoder.decode(raw)
            if line.error is not None:
                raise click.ClickException(f"line {line.line}: {line.error}; {partial} holds the links before it")
            writer.writerow((line.contact_id, line.destination_index, line.link_id, line.code, line.short_url))
            written += 1
            if written % 1000 == 0:
                progress.update(task, completed=written)
        progress.update(task, completed=written)
    if written != total:
        raise click.ClickException(
            f"{written} of {total} links came back; run the same command again to complete {out}"
        )
    os.replace(partial, out)
    return written


async def _request(contacts: Path, skipped: set[int]) -> AsyncIterator[bytes]:
    """The good lines as NDJSON, in pieces."""
    encoder = msgspec.json.Encoder()
    piece = bytearray()
    for line_no, line in enumerate(read_contacts(contacts), 2):
        if isinstance(line, BadLine) or line_no in skipped:
            continue
        _append(piece, encoder, line)
        if len(piece) > SEND_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _append(piece: bytearray, encoder: msgspec.json.Encoder, contact: Contact) -> None:
    encoder.encode_into(contact, piece, -1)
    piece += b"\n"


def _progress() -> Progress:
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
