"""`taptrail mint`: contacts in, short links out."""

import asyncio
import csv
import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.api import as_json, call, file_line, stream
from cli.contacts import Checked, ContactsError, checked

OUT_COLUMNS = ("contact_id", "destination_index", "link_id", "code", "short_url")


class _Line(msgspec.Struct):
    """One line of the answer: a link, or why there is none."""

    contact_id: str = ""
    destination_index: int = 0
    link_id: int = 0
    code: str = ""
    short_url: str = ""
    line: int = 0
    error: str = ""
    detail: str = ""  # of the problem that cut the answer off


_decoder = msgspec.json.Decoder(_Line)


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
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"the folder of --out {out} does not exist")
    shared = {"source": source, "keyword": keyword, "expires_at": expires_at}
    gc.disable()  # a million contacts are checked in 1.5 s instead of 2.1, and no garbage of theirs is cyclic
    with tempfile.TemporaryFile() as request:
        try:
            lines = checked(contacts, request, skip_bad=skip_bad)
        except ContactsError as error:
            raise click.ClickException(str(error)) from None
        total = lines.links(ensure_broadcast(domain, broadcast_id, list(destinations), shared, account))
        for fault in lines.bad:
            _skipped(fault.line_no, fault.error)
        request.seek(0)
        minting = Minting(broadcast_id, account, skip_bad, out, total)
        written, refused = asyncio.run(_mint(minting, request, lines))
    skipped = len(lines.bad) + refused
    result = {"broadcast_id": broadcast_id, "links": written, "skipped": skipped, "out": str(out)}
    if json_:
        as_json(result)
    else:
        click.echo(f"{written} links are in {out}" + (f", {skipped} lines were skipped" if skipped else ""))


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


class Minting(msgspec.Struct, frozen=True):
    broadcast_id: str
    account: str | None
    skip_bad: bool
    out: Path
    total: int  # links expected


async def _mint(minting: Minting, request: IO[bytes], lines: Checked) -> tuple[int, int]:
    """Send the lines and write the links; gives (links written, lines the service refused)."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"csv-{lines.digest[:40]}"}
    query = {"account": minting.account, "skip_bad": "true" if minting.skip_bad else None}
    path = f"/v1/broadcasts/{quote(minting.broadcast_id, safe='')}/links"
    given = {name: value for name, value in query.items() if value is not None}
    answer = stream(path, request, headers, given, lines.line_nos)
    partial = minting.out.with_name(f"{minting.out.name}.partial")
    written = refused = 0
    with _progress() as progress, partial.open("w", newline="") as file:
        task = progress.add_task("Minting", total=minting.total)
        writer = csv.writer(file)
        writer.writerow(OUT_COLUMNS)
        async for block in answer:
            links = _links(block, lines, minting)
            writer.writerows(
                (link.contact_id, link.destination_index, link.link_id, link.code, link.short_url) for link in links
            )
            written += len(links)
            refused += block.count(b"\n") - len(links)
            progress.update(task, completed=written)
    if written != minting.total and not refused:
        raise click.ClickException(f"{written} of {minting.total} links came back; run the same command again")
    os.replace(partial, minting.out)
    return written, refused


def _links(block: bytes, lines: Checked, minting: Minting) -> list[_Line]:
    """The links of some lines of the answer; lines the service refused are told of. Raises click.ClickException."""
    links: list[_Line] = []
    for answer in _decoder.decode_lines(block):
        if answer.short_url:
            links.append(answer)
        elif answer.error:
            _skipped(file_line(answer.line, lines.line_nos), answer.error)
        else:
            partial = f"{minting.out}.partial holds the links up to here; run the same command again to go on"
            raise click.ClickException(f"{answer.detail or 'the answer was cut off'}; {partial}")
    return links


def _skipped(line_no: int, error: str) -> None:
    click.echo(f"line {line_no} skipped: {error}", err=True)


def _progress() -> Progress:
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
