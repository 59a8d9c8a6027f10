"""`taptrail erase`: erase a contact."""

import time
from typing import Any

import click

from cli.api import call
from cli.plain import as_json

_LOOK_S = 1.0


@click.command()
@click.option("--contact", required=True, help="Its id, as its links were minted with.")
@click.option("--account", default=None, help="An account below the key's own.")
@click.option("--stop-links", is_flag=True, help="End its links too: they answer 410.  [default: they lead on]")
@click.option("--wait", is_flag=True, help="Return when it is done.")
@click.option("--json", "json_", is_flag=True, help="Print the answer as JSON.")
def erase(contact: str, account: str | None, stop_links: bool, wait: bool, json_: bool) -> None:
    """Erase a contact: a random token takes the place of its id, everywhere; every sum stays.

    In the links and clicks of the account and of accounts below it. It cannot be taken back.
    """
    links = "stop" if stop_links else "keep"
    answer = call("POST", "/v1/erasures", {"contact_id": contact, "links": links}, account=account)
    while wait and answer["state"] != "done":
        time.sleep(_LOOK_S)
        answer = _state(answer["erasure_id"], account)
    if json_:
        as_json(answer)
        return
    click.echo(_said(answer))


def _state(erasure_id: str, account: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = call("GET", f"/v1/erasures/{erasure_id}", account=account)
    return answer


def _said(answer: dict[str, Any]) -> str:
    if answer["state"] == "done":
        return f"Erased (erasure {answer['erasure_id']})."
    return f"Erasure {answer['erasure_id']} is {answer['state']}; --wait returns when it is done."
