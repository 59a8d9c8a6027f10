"""A broadcast and its text: what belongs together. Raises TextFault where it does not."""

from collections.abc import Sequence

import msgspec

from contacts.fields import STANDS_APART, FieldNeeds
from messages.composer import Composer
from messages.template import TextFault, moved, parsed
from records.broadcast import Broadcast
from routing.destination import own_fields

MAX_DESTINATIONS = 32


def worded(new: Broadcast, old: Broadcast | None) -> Broadcast:
    """The broadcast with the URLs of its text as destinations, where it was given none.

    old: as it was, where a part of it is changed: destinations that came from its text are those of the new text.
    """
    text = new.text.replace("\r\n", "\n")
    urls = tuple(parsed(text, new.destinations).urls)
    destinations = new.destinations
    if not destinations or (old is not None and destinations == old.destinations == _urls_of(old)):
        destinations = urls
    if len(destinations) > MAX_DESTINATIONS:
        raise TextFault(f"holds {len(destinations)} URLs; at most {MAX_DESTINATIONS} are allowed")
    if strange := next((url for url in urls if url not in destinations), None):
        raise TextFault(f"holds {strange}, which is none of the destinations; name it there, or leave them out")
    return msgspec.structs.replace(new, text=text, destinations=destinations)


def following(new: Broadcast, old: Broadcast) -> Broadcast:
    """Destinations were changed and the text was not named: it has the new ones in their places."""
    if not new.text or new.destinations == old.destinations:
        return new
    return msgspec.structs.replace(new, text=moved(new.text, old.destinations, new.destinations))


def needs_of(text: str, destinations: Sequence[str], *, skips_missing: bool = False) -> FieldNeeds:
    """The fields of contacts that messages need."""
    template, kept = parsed(text, destinations), own_fields(destinations)
    apart = frozenset(STANDS_APART)
    return FieldNeeds((template.fields | kept) - apart, (template.required | kept) - apart, skips_missing)


def composer_of(broadcast: Broadcast, *, asks_opt_out: bool = False) -> Composer:
    """For a broadcast that has a text."""
    template = parsed(broadcast.text, broadcast.destinations)
    return Composer(template, broadcast.destinations, broadcast.short_domain, asks_opt_out=asks_opt_out)


def _urls_of(old: Broadcast) -> tuple[str, ...]:
    return tuple(parsed(old.text, old.destinations).urls) if old.text else ()
