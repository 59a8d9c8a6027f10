"""`taptrail canary`: links that go to nobody, or to phones of one's own."""

import tempfile
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from cli.api import NDJSON, broadcast_path, call, stream, warn
from cli.contacts import Checked, ContactsError, checked, encoding_option
from cli.lists import as_csv, show_list
from cli.plain import as_json
from contacts.columns import BadHeader, mapping_of
from contacts.encoding import Encoding
from contacts.fields import FieldNeeds
from routing.destination import own_fields

COLUMNS = ("link_id", "code", "short_url", "audience", "contact_id")


@click.command()
@click.option("--broadcast", "broadcast_id", required=True, help="Its id.")
@click.option("--count", type=click.IntRange(1), default=None,
              help="How many; without it the square root of the number of contacts, and at least 50.")  # fmt: skip
@click.option("--contacts", default=None, help="CSV of phones of your own: a canary for each; the others of --count go"
              " to nobody.", type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--map", "columns", multiple=True, metavar="NAME=COLUMN",
              help="Which column is contact_id, audience, destination_index or a field: contact_id=Phone.")  # fmt: skip
@encoding_option
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
@click.option("--csv", "csv_", is_flag=True, help="Print the canaries as CSV with a header.")
def canary(
    broadcast_id: str,
    count: int | None,
    contacts: Path | None,
    columns: tuple[str, ...],
    encoding: Encoding | None,
    account: str | None,
    json_: bool,
    csv_: bool,
) -> None:
    """Mint canaries: links that look like those of the broadcast, and that no contact has.

    What taps one that was sent to nobody walks through codes, or has read them where they were kept. What taps one on a
    phone of your own, untouched, is the carrier or an app. `taptrail report` says how many were tapped, and how many of
    these taps were judged human. They are in no other figure.
    """
    path = f"{broadcast_path(broadcast_id)}/canaries"
    made: list[dict[str, Any]] = []
    if contacts is not None:
        found = call("GET", broadcast_path(broadcast_id), account=account)
        made = _for_contacts(path, contacts, tuple(found["destinations"]), columns, encoding, account, count)
    left = None if count is None else count - len(made)
    if contacts is None or left:
        body = {} if left is None else {"count": left}
        made += call("POST", path, body, account=account)["canaries"]
    if csv_:
        as_csv(made, COLUMNS)
    elif json_:
        as_json({"canaries": made})
    else:
        show_list(made, COLUMNS[1:], "", json_=False, csv_=False)


def _for_contacts(
    path: str,
    contacts: Path,
    destinations: tuple[str, ...],
    columns: tuple[str, ...],
    encoding: Encoding | None,
    account: str | None,
    most: int | None,
) -> list[dict[str, Any]]:
    """A canary for each line of the file, the first `most` of them; raises click.ClickException."""
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as body:
        try:
            needs, mapping = FieldNeeds(own_fields(destinations)), mapping_of(columns)
            lines = checked(
                contacts, request, len(destinations), skip_bad=False, needs=needs, mapping=mapping, encoding=encoding
            )
        except (ContactsError, BadHeader) as error:
            raise click.ClickException(str(error)) from None
        if most is not None and most < len(lines.contacts):
            warn(f"{contacts} has {len(lines.contacts)} contacts; the first {most} get a canary, as --count says")
        request.seek(0)
        body.writelines(islice(request, most))
        return _sent(path, body, lines, account)


def _sent(path: str, body: IO[bytes], lines: Checked, account: str | None) -> list[dict[str, Any]]:
    answer = b"".join(stream(path, body, NDJSON, {"account": account}, lines.contacts.line_nos))
    return msgspec.json.Decoder(dict[str, Any]).decode_lines(answer)
