"""`taptrail mint`: contacts in, short links out."""

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
import msgspec

from cli.api import NDJSON, Refused, broadcast_path, file_line, stream, warnings
from cli.contacts import Lines, Reading, encoding_option, lines_aloud
from cli.link_lines import COLUMNS, link_lines
from cli.plain import as_json, printable
from cli.wanted import Wanted, create_broadcast, existing_broadcast
from contacts.encoding import Encoding
from contacts.fields import FieldNeeds
from routing.destination import own_fields


@click.command()
@click.option("--domain", required=True, help="The short domain, such as go.acme.example.")
@click.option("--broadcast", "broadcast_id", required=True, help="Its id; created if it does not exist yet.")
@click.option("--to", "destinations", multiple=True, help="Where the links lead; several for several links a message.")
@click.option("--contacts", required=True, help="CSV with a header, as a spreadsheet or a CRM exports it.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--out", default=None, help="CSV, written when complete; not needed with --dry-run.",
              type=click.Path(dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--map", "columns", multiple=True, metavar="NAME=COLUMN",
              help="Which column is contact_id, audience, destination_index or a field: contact_id=Phone.")  # fmt: skip
@encoding_option
@click.option("--source", default=None, help="Of a new broadcast.  [default: sms]")
@click.option("--keyword", default=None, help="Of a new broadcast.")
@click.option("--expires-at", default=None, help="Of a new broadcast: RFC 3339, such as 2026-12-31T23:00:00Z.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out instead of refusing the file.")
@click.option("--again", is_flag=True, help="Mint a new link also for contacts that have theirs.")
@click.option("--dry-run", is_flag=True, help="Say how many links are new and how many exist, and mint nothing.")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
def mint(
    domain: str,
    broadcast_id: str,
    destinations: tuple[str, ...],
    contacts: Path,
    out: Path | None,
    columns: tuple[str, ...],
    encoding: Encoding | None,
    source: str | None,
    keyword: str | None,
    expires_at: str | None,
    skip_bad: bool,
    again: bool,
    dry_run: bool,
    account: str | None,
    json_: bool,
) -> None:
    """Give every contact of a CSV file a short link of its own.

    CONTACTS has a header with `contact_id` and, optionally, `audience` and `destination_index`; --map names columns
    that are called otherwise. Of the others, those that destinations name, such as {order}, are sent. A contact that
    has its link in the broadcast keeps it: the same file gives the same links, also after an interruption, and a file
    with one more contact mints one.
    """
    _check_asked(out, contacts, dry_run=dry_run)
    gc.disable()  # a million contacts are checked in 1.5 s instead of 2.1, and no garbage of theirs is cyclic
    more = {"source": source, "keyword": keyword, "expires_at": expires_at}
    wanted = Wanted(domain, broadcast_id, list(destinations), account, more)
    found = existing_broadcast(wanted)
    leads_to = tuple(found["destinations"]) if found else destinations
    fields = own_fields(leads_to)
    reading = Reading(contacts, FieldNeeds(fields, fields), columns, encoding, skip_bad)
    with tempfile.TemporaryFile() as request:
        lines = lines_aloud(reading, request, len(leads_to))
        minting = Minting(wanted, found is None, request, lines, lines.links(len(leads_to)), again, skip_bad)
        if out is None or dry_run:
            _show_counts(minting, _counts(minting), json_=json_)
            return
        _show_done(minting, out, _mint(minting, contacts, out), json_=json_)


def _check_asked(out: Path | None, contacts: Path, *, dry_run: bool) -> None:
    """Raises click.ClickException where the links could not be written, before there are any."""
    if out is not None:
        check_out(out, contacts)
    elif not dry_run:
        raise click.UsageError("--out is missing; it names the CSV file for the links")


class Minting(msgspec.Struct, frozen=True):
    wanted: Wanted
    is_new: bool  # the broadcast is not there yet
    request: IO[bytes]
    lines: Lines
    total: int  # links expected
    again: bool
    skip_bad: bool

    @property
    def path(self) -> str:
        return f"{broadcast_path(self.wanted.broadcast_id)}/links"

    def query(self, **flags: bool) -> dict[str, str | None]:
        flags["again"] = self.again
        return {"account": self.wanted.account} | {name: "true" for name, is_set in flags.items() if is_set}


class Counts(msgspec.Struct, frozen=True):
    """What a minting would do."""

    new: int = 0
    existing: int = 0


def _counts(minting: Minting) -> Counts:
    if minting.is_new:
        return Counts(new=minting.total)
    answer = b"".join(stream(minting.path, minting.request, NDJSON, minting.query(dry_run=True), ()))
    return msgspec.json.decode(answer, type=Counts)


def _show_counts(minting: Minting, counts: Counts, *, json_: bool) -> None:
    _show_bad(minting.lines)
    broadcast_id, skipped = minting.wanted.broadcast_id, minting.lines.skipped
    if json_:
        as_json({"broadcast_id": broadcast_id, "new": counts.new, "existing": counts.existing, "skipped": skipped})
        return
    said = f"{_counted(counts.new, 'link', 'links')} would be minted, {counts.existing} of these contacts' links exist"
    click.echo(f"{said}{_left_out(skipped)}; nothing was minted")


def _show_done(minting: Minting, out: Path, done: "Done", *, json_: bool) -> None:
    skipped = minting.lines.skipped + done.refused
    if json_:
        as_json(
            {
                "broadcast_id": minting.wanted.broadcast_id, "links": done.written, "existing": done.existing,
                "skipped": skipped, "out": str(out), "warnings": warnings,
            }
        )  # fmt: skip
        return
    there = f", {done.existing} of them were there already" if done.existing else ""
    click.echo(f"{_counted(done.written, 'link is', 'links are')} in {out}{there}{_left_out(skipped)}")


def _left_out(skipped: int) -> str:
    return f", {_counted(skipped, 'line was', 'lines were')} skipped" if skipped else ""


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def check_out(out: Path, contacts: Path) -> None:
    """Raises click.ClickException where the links could not be written, before there are any."""
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"the folder of --out {out} does not exist")
    if out.exists() and out.samefile(contacts):
        raise click.ClickException(f"--out {out} is the contacts file itself; choose another file")
    with _partial(out):
        pass


class Done(msgspec.Struct):
    written: int = 0  # links
    existing: int = 0  # of them
    refused: int = 0  # lines, by the service


def _mint(minting: Minting, contacts: Path, out: Path) -> Done:
    """Send the lines and write the links."""
    if minting.is_new:
        create_broadcast(minting.wanted)
    _show_bad(minting.lines)
    kind = "again" if minting.again else "csv"
    headers = {**NDJSON, "Idempotency-Key": f"{kind}-{minting.lines.digest[:40]}"}
    query = minting.query(skip_bad=minting.skip_bad)
    answer = stream(minting.path, minting.request, headers, query, minting.lines.line_nos)
    done = Done()
    with _progress(minting.total) as progress, _partial(out) as file:
        try:
            for block in answer:
                _take(block, done, file, minting.lines, out)
                progress(done.written)
        except Refused as error:
            raise click.ClickException(f"{contacts}: {error.message}" if error.line else error.message) from None
    if done.written != minting.total and not done.refused:
        raise click.ClickException(f"{done.written} of {minting.total} links came back; run the same command again")
    os.replace(_partial_of(out), out)
    return done


def _take(block: bytes, done: Done, file: IO[bytes], lines: Lines, out: Path) -> None:
    """Write the links in a piece of the answer, and report the lines that were refused. Raises click.ClickException."""
    answered = link_lines(block)
    for other in answered.others:
        if not other.error:
            partial = f"{_partial_of(out)} holds the links up to here; run the same command again to go on"
            raise click.ClickException(f"{other.detail or 'the answer was cut off'}; {partial}")
        _skipped(file_line(other.line, lines.line_nos), other.error)
        done.refused += other.lines
    if not done.written:
        file.truncate(0)
        file.write(",".join(COLUMNS).encode() + b"\n")
    file.write(answered.csv)
    done.written += answered.links
    done.existing += answered.existing


def _partial_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


@contextmanager
def _partial(out: Path) -> Iterator[IO[bytes]]:
    """The file that becomes --out once it is complete; gone again where nothing was written into it."""
    path = _partial_of(out)
    try:
        with path.open("ab") as file:
            try:
                yield file
            finally:
                file.flush()
                if not path.stat().st_size:
                    path.unlink()
    except OSError as error:
        raise click.ClickException(f"--out {out} cannot be written: {error.strerror}") from error


def _show_bad(lines: Lines) -> None:
    for bad in lines.bad:
        _skipped(bad.line, bad.error)


def _skipped(line_no: int, error: str) -> None:
    click.echo(f"line {line_no} skipped: {printable(error)}", err=True)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Shows how many links are there, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda written: None
        return
    from rich.console import Console  # noqa: PLC0415 - 30 ms, for a terminal alone
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task("Minting", total=total)
        yield lambda written: progress.update(task, completed=written)
