"""The broadcast that a command mints for: as it is, or as the options want it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
import msgspec

from cli.api import Refused, broadcast_path, call, domain_path, warn
from records.hosts import ascii_host


class Wanted(msgspec.Struct, frozen=True):
    """What the options say."""

    domain: str
    broadcast_id: str
    destinations: list[str]  # none: those it has
    account: str | None
    more: Mapping[str, str | None]  # other fields of the broadcast; None: as it is


def existing_broadcast(wanted: Wanted) -> dict[str, Any] | None:
    """The broadcast, where there is one; raises click.ClickException where it is not what is wanted."""
    domain, broadcast_id, destinations, account = (
        wanted.domain, wanted.broadcast_id, wanted.destinations, wanted.account,
    )  # fmt: skip
    found: dict[str, Any] | None = call("GET", broadcast_path(broadcast_id), missing_ok=True, account=account)
    if found is None:
        if not destinations:
            raise click.ClickException(f"there is no broadcast {broadcast_id} yet; --to says where its links lead")
        domain_path(domain)
        return None
    if ascii_host(domain.strip()) != found["short_domain"]:
        raise click.ClickException(f"broadcast {broadcast_id} is on {found['short_domain']}, not on {domain}")
    if destinations and destinations != found["destinations"]:
        raise click.ClickException(
            f"broadcast {broadcast_id} leads to {', '.join(found['destinations'])}; change it with "
            f"`taptrail broadcast to {broadcast_id} URL`, or leave --to out"
        )
    for name, value in wanted.more.items():
        if value is not None and not _same(value, found[name]):
            option = f"--{name.replace('_', '-')}"
            raise click.ClickException(
                f"broadcast {broadcast_id} has {name} {found[name] or 'none'}, not {value}; leave {option} out, or "
                f"change it with `taptrail broadcast {'expire' if name == 'expires_at' else 'put'} {broadcast_id}`"
            )
    return found


def _same(given: str, there: str | None) -> bool:
    if given == (there or ""):
        return True
    try:
        return datetime.fromisoformat(given) == datetime.fromisoformat(there or "")
    except (ValueError, TypeError):
        return False


def create_broadcast(wanted: Wanted) -> None:
    """Create the broadcast, and register its domain where nobody has."""
    domain, account = wanted.domain, wanted.account
    more = {name: value for name, value in wanted.more.items() if value}
    body = {"short_domain": domain, "destinations": wanted.destinations, **more}
    path = broadcast_path(wanted.broadcast_id)
    try:
        call("PUT", path, body, account=account)
        return
    except Refused as refused:  # a domain is registered for a broadcast that nothing else is wrong with
        if refused.field != "short_domain" or _is_known(domain, account):
            raise
    call("PUT", domain_path(domain), {}, account=account)
    warn(
        f"the domain {domain} was not known and IS REGISTERED NOW: its links work once its DNS points to the edge. "
        "If it is misspelt, send none of these links and mint again, with the right --domain and another --broadcast"
    )
    call("PUT", path, body, account=account)


def _is_known(domain: str, account: str | None) -> bool:
    return call("GET", domain_path(domain), missing_ok=True, account=account) is not None
