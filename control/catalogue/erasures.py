"""Erasures of contacts: asked for here, done by an aggregator (tables) and by `control/cache/forget.py` (Redis)."""

import secrets

import msgspec

from contacts.line import MAX_CONTACT_ID
from control.access.caller import Author
from control.http.problems import Problem, invalid
from records.account import within
from records.erasure import (
    ERASURES,
    NAMES,
    STEPS,
    Links,
    State,
    contact_hash,
    erasure_id,
    erasure_number,
    erasure_numbered,
    state_of,
)
from records.tables import instant
from records.text import shown
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms

MOST_WAITING = 10_000  # of all accounts together

_WAITING = f"SELECT uniqExact(erasure) FROM {NAMES}"  # noqa: S608
_STATE = f"""
SELECT account, (SELECT groupUniqArray(step) FROM {STEPS} WHERE erasure = {{erasure:UInt64}}) AS steps
FROM {ERASURES} WHERE erasure = {{erasure:UInt64}} LIMIT 1
"""  # noqa: S608


class ErasureState(msgspec.Struct, frozen=True):
    """done: the id is in no table, in no record of Redis and in the memory of no edge that hears of changes."""

    erasure_id: str
    state: State


class _Row(msgspec.Struct, frozen=True):
    account: str
    steps: list[str]


class Erasures:
    def __init__(self, clickhouse: ClickHouse, code_key: bytes) -> None:
        self._clickhouse, self._code_key = clickhouse, code_key

    async def ask(self, account: str, contact_id: str, links: Links, by: Author) -> ErasureState:
        """Erase a contact of an account and of those below it; raises Problem."""
        if not 0 < len(contact_id) <= MAX_CONTACT_ID:
            expected = f"the id that its links were minted with, of 1 to {MAX_CONTACT_ID} characters"
            raise invalid("contact_id", f"contact_id is {shown(contact_id)}; expected {expected}")
        if int(await self._clickhouse.value(_WAITING)) >= MOST_WAITING:
            detail = f"{MOST_WAITING} erasures wait, the most there can be; send this one again when some are done"
            raise Problem("in-progress", detail, retry_after_s=60)
        number = erasure_number(now_ms := unix_ms(), secrets.randbits(32))
        name = {"erasure": number, "account": account, "contact_id": contact_id, "secret": secrets.token_hex(16)}
        row = {
            "erasure": number, "account": account, "contact_hash": contact_hash(self._code_key, account, contact_id),
            "links": links, "who_account": by.account, "who_key": by.key, "asked_at": instant(now_ms),
        }  # fmt: skip
        await self._clickhouse.insert_rows(NAMES, [name])  # first: an erasure that is known has its name
        await self._clickhouse.insert_rows(ERASURES, [row])
        return ErasureState(erasure_id(number), "queued")

    async def state(self, account: str, asked_for: str) -> ErasureState:
        """How far it is; raises Problem where this account has no such erasure."""
        number = erasure_numbered(asked_for)
        rows = [] if number is None else await self._clickhouse.rows(_STATE, _Row, erasure=number)
        if not rows or not within(rows[0].account, account):
            raise Problem("not-found", f"account {account} has no erasure {shown(asked_for)}", field="erasure_id")
        return ErasureState(asked_for, state_of(rows[0].steps))
