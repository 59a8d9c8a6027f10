"""The erasure of a contact: what is asked for, how far it is, and what stands in place of the contact."""

from collections.abc import Collection
from enum import StrEnum
from hashlib import blake2b
from typing import Literal

from records.link import CANARY

ERASURES, STEPS = "taptrail_internal.erasures", "taptrail_internal.erasure_steps"
EXPIRIES = "taptrail_internal.expiries"  # of contacts that are kept for some months only
NAMES, ERASED_LINKS = "taptrail_internal.erasure_names", "taptrail_internal.erased_links"

Links = Literal["keep", "stop"]
State = Literal["queued", "running", "done"]

TOKEN = "erased-"  # noqa: S105 - begins what stands in place of a contact id; 32 hex digits follow
CANARY_TOKEN = CANARY + TOKEN  # of a canary, which stays one
# A condition of ClickHouse. match() alone would cost a pattern for each row.
IS_TOKEN = (
    f"((startsWith(contact_id, '{TOKEN}') OR startsWith(contact_id, '{CANARY_TOKEN}'))"
    f" AND match(contact_id, '^({CANARY})?{TOKEN}[0-9a-f]{{32}}$'))"
)
STOPPED_INDEX = 65_535  # the destination of a link that its erased contact does not want any more; no broadcast has it
_RANDOM_BITS = 20


class Step(StrEnum):
    """What is done of an erasure, in order. `forgotten` is by control, the others by an aggregator."""

    BEGUN = "begun"
    LINKED = "linked"  # its links carry tokens, and clicks that arrive are erased
    FORGOTTEN = "forgotten"  # Redis and the edges no longer know the contact
    CLEARED = "cleared"  # clicks and dead letters that were there are erased
    DONE = "done"  # the id is in no table


def state_of(steps: Collection[str]) -> State:
    if Step.DONE in steps:
        return "done"
    return "running" if Step.BEGUN in steps else "queued"


def erasure_number(now_ms: int, random: int) -> int:
    """Grows with time, so that of two erasures of one contact the first gives the tokens."""
    return (now_ms << _RANDOM_BITS) | (random & ((1 << _RANDOM_BITS) - 1))


def asked_at_ms(number: int) -> int:
    return number >> _RANDOM_BITS


def erasure_id(number: int) -> str:
    return f"{number:016x}"


def erasure_numbered(text: str) -> int | None:
    """The inverse of erasure_id; None for a text that no erasure has."""
    is_id = len(text) == 16 and all(character in "0123456789abcdef" for character in text)
    return int(text, 16) if is_id else None


def contact_hash(code_key: bytes, account: str, contact_id: str) -> str:
    """What the audit says of a contact: shows by the same key that this one was erased, and nothing without it."""
    text = f"{account}\0{contact_id}".encode()
    return blake2b(text, key=code_key, digest_size=16, person=b"taptrail erasure").hexdigest()


def is_token(contact_id: str) -> bool:
    """Whether this stands for a contact that was erased."""
    token = contact_id.removeprefix(CANARY)
    digits = token.removeprefix(TOKEN)
    return len(digits) == 32 and digits != token and set(digits) <= set("0123456789abcdef")
