"""`taptrail compose`: a text and contacts in, messages out."""

import csv
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from cli.api import NDJSON, Refused, broadcast_path, call, domain_path, file_line, stream, warnings
from cli.contacts import Checked, Reading, checked_aloud, encoding_option
from cli.dry_run import report_of
from cli.mint import check_out
from cli.plain import as_json
from cli.wanted import Wanted, create_broadcast
from contacts.encoding import Encoding
from messages.payloads import FORMATS
from messages.summary import dry_run as run_dry
from messages.template import TextFault
from messages.wording import composer_of, needs_of, worded
from records.broadcast import Broadcast
from records.hosts import ascii_host


class _Line(msgspec.Struct):
    """What is needed of a line of the answer."""

    contact_id: str = ""
    text: str = ""
    line: int = 0
    error: str = ""
    detail: str = ""  # of the problem that cut the answer off


class Job(msgspec.Struct, frozen=True):
    broadcast_id: str
    account: str | None
    out: Path
    format: str


_decoder = msgspec.json.Decoder(_Line)
_encoder = msgspec.json.Encoder()
_formats = ", ".join(f"{name}: {form.help}" for name, form in FORMATS.items())


@click.command()
@click.option("--domain", required=True, help="The short domain, such as go.acme.example.")
@click.option("--broadcast", "broadcast_id", required=True, help="Its id; created if it does not exist yet.")
@click.option("--text", default=None, help="The message with {fields} and URLs, or @FILE; the broadcast's without it.")
@click.option("--contacts", required=True, help="CSV with a header; every column may be a field.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--map", "columns", multiple=True, metavar="NAME=COLUMN",
              help="Which column is contact_id, audience or a field: contact_id=Phone.")  # fmt: skip
@encoding_option
@click.option("--out", default=None, help="Written when complete; not needed with --dry-run.",
              type=click.Path(dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="csv", show_default=True, help=_formats)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, with every warning, and mint nothing.")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the result as JSON.")
def compose(
    domain: str,
    broadcast_id: str,
    text: str | None,
    contacts: Path,
    columns: tuple[str, ...],
    encoding: Encoding | None,
    out: Path | None,
    form: str,
    dry_run: bool,
    account: str | None,
    json_: bool,
) -> None:
    """Write the message of every contact, with short links of its own.

    TEXT names columns of CONTACTS as {first_name} or {first_name|there}; {{ and }} are braces. Its URLs become links.
    """
    if out is not None:
        check_out(out, contacts)
    elif not dry_run:
        raise click.UsageError("--out is missing; it names the file for the messages")
    found = call("GET", broadcast_path(broadcast_id), missing_ok=True, account=account)
    broadcast = _broadcast(domain, broadcast_id, _text(text), found)
    needs = needs_of(broadcast.text, broadcast.destinations)
    with tempfile.TemporaryFile() as request:
        lines = checked_aloud(Reading(contacts, needs, columns, encoding), request, len(broadcast.destinations))
        if out is None or dry_run:
            composer = composer_of(broadcast, asks_opt_out=_asks_opt_out(broadcast.short_domain, account))
            run = run_dry(composer, broadcast, lines.contacts)
            as_json(msgspec.to_builtins(run)) if json_ else click.echo(report_of(run))
            return
        _put(broadcast, found, account)
        written = _compose(Job(broadcast_id, account, out, form), request, lines)
    result = {
        "broadcast_id": broadcast_id, "messages": written, "out": str(out), "warnings": warnings,
    }  # fmt: skip
    as_json(result) if json_ else click.echo(f"{written} message{'' if written == 1 else 's'} in {out}")


def _text(given: str | None) -> str | None:
    """The text, from its file where one is named; raises click.ClickException."""
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"--text {given} cannot be read as UTF-8: {error}") from None


def _broadcast(domain: str, broadcast_id: str, text: str | None, found: dict[str, Any] | None) -> Broadcast:
    """The broadcast as it is or will be; raises click.ClickException where it is not what the options say."""
    there = found["text"] if found else ""
    short_domain = ascii_host(domain.strip()) or domain
    if found and short_domain != found["short_domain"]:
        raise click.ClickException(f"broadcast {broadcast_id} is on {found['short_domain']}, not on {domain}")
    if text is not None and there and text != there:
        raise click.ClickException(
            f"broadcast {broadcast_id} has another text; leave --text out, or take another --broadcast"
        )
    if not (text or there):
        raise click.ClickException(f"broadcast {broadcast_id} has no text yet; --text says what is sent")
    urls = tuple(found["destinations"]) if found else ()
    try:
        return worded(Broadcast(0, "", broadcast_id, short_domain, urls, text=text or there), None)
    except TextFault as fault:
        raise click.ClickException(f"--text {fault}; nothing was minted") from None


def _asks_opt_out(short_domain: str, account: str | None) -> bool:
    """Whether the domain wants it said; no for one that is not there yet or belongs to an account above."""
    found = call("GET", domain_path(short_domain), missing_ok=True, account=account)
    return found is not None and found["asks_opt_out"]


def _put(broadcast: Broadcast, found: dict[str, Any] | None, account: str | None) -> None:
    """Give the service what it does not have of it."""
    if found is None:
        destinations, more = list(broadcast.destinations), {"text": broadcast.text}
        create_broadcast(Wanted(broadcast.short_domain, broadcast.broadcast_id, destinations, account, more))
    elif not found["text"]:
        call("PATCH", broadcast_path(broadcast.broadcast_id), {"text": broadcast.text}, account=account)


def _compose(job: Job, request: IO[bytes], lines: Checked) -> int:
    """Send the lines and write the messages; gives how many."""
    headers = {**NDJSON, "Idempotency-Key": f"csv-{lines.digest[:40]}"}
    path = f"{broadcast_path(job.broadcast_id)}/messages"
    partial = job.out.with_name(f"{job.out.name}.partial")
    written = 0
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            if job.format == "csv":
                file.write("contact_id,text\n")
            for block in stream(path, request, headers, {"account": job.account}, lines.contacts.line_nos):
                written += _write(block, job, file, lines)
        os.replace(partial, job.out)
    except Refused as error:
        raise click.ClickException(error.message) from None
    except OSError as error:
        raise click.ClickException(f"--out {job.out} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return written


def _write(block: bytes, job: Job, file: IO[str], lines: Checked) -> int:
    """Write some lines of the answer; gives how many messages they were. Raises click.ClickException."""
    answers = _decoder.decode_lines(block)
    for answer in answers:
        if not answer.text:
            where = f"line {file_line(answer.line, lines.contacts.line_nos)}: " if answer.line else ""
            detail = answer.error or answer.detail or "the answer was cut off"
            raise click.ClickException(f"{where}{detail}; run the same command again")
    payload = FORMATS[job.format].payload
    if job.format == "csv":
        csv.writer(file, lineterminator="\n").writerows((answer.contact_id, answer.text) for answer in answers)
    elif payload is None:
        file.write(block.decode())
    else:
        file.write(
            b"".join(_encoder.encode(payload(answer.contact_id, answer.text)) + b"\n" for answer in answers).decode()
        )
    return len(answers)
