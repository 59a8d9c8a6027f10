"""Who changed what: every write of a broadcast, domain, shared link or key goes through here.

A record's row carries the change that made it, so that neither is ever there without the other. What a row carries is
copied to the log, where it stays when a newer row replaces that one. A control process that is killed before it copies
loses nothing: whoever writes the record next copies first, and Resync copies what is left.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from control.access.api_key import API_KEYS, shown_of_key
from control.access.caller import Author
from control.access.share import SHARES, shown_of_share
from control.http.documents import shown
from records.tables import BROADCASTS, DOMAINS, Table
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import unix_ms
from runtime.retry_insert import insert_until_known

R = TypeVar("R", bound=msgspec.Struct)

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """A kind of record that people change."""

    name: str
    table: Table  # has a column `change`; the record has `account` and `version`
    named_by: str  # the field that people know a record by, within its account
    shown: Callable[[Any], dict[str, Any]] = shown  # what they may see of it; never a secret


class Change(msgspec.Struct, frozen=True):
    """The column `change`: JSON of the fields that differ, "" where there was nothing or nothing is left."""

    who_account: str
    who_key: str
    what: str
    before: str
    after: str


class Entry(msgspec.Struct, frozen=True):
    """One change in the history of a record."""

    version: int  # 1, 2, 3, ...
    who_account: str
    who_key: str
    what: str
    before: str  # as in Change
    after: str
    at_ms: int


BROADCAST = Kind("broadcast", BROADCASTS, "broadcast_id")
DOMAIN = Kind("domain", DOMAINS, "short_domain")
KEY = Kind("key", API_KEYS, "key_id", shown_of_key)
SHARE = Kind("share", SHARES, "share_id", shown_of_share)
WITHDRAWN = "withdrawn"  # what a change is that takes the one before it back: it was refused after all
RECORDED = "recorded"  # what the first state is of a record that is older than its history
_LOGGED = "kind = {kind:String} AND account = {account:String} AND name = {name:String}"
_CARRIED = "change.who_account, change.who_key, change.what, change.before, change.after"


class Changes:
    def __init__(self, clickhouse: ClickHouse, kinds: tuple[Kind, ...] = (BROADCAST, DOMAIN, KEY, SHARE)) -> None:
        self._clickhouse, self._kinds = clickhouse, kinds

    async def write(self, kind: Kind, new: R, old: R | None, by: Author | None, what: str = "") -> R:
        """Write a record and the change that it is, in one row; gives it with its version. Raises OutcomeUnknown.

        old: in force until now, None for a new record or one that was deleted. by: None where nobody changed anything,
        as when a minting is noted. what: by default created, changed or, where `new` is deleted, deleted. A `new` with
        a version above that of `old` keeps it: repeated, it is the same change.
        """
        if old is not None:
            await self._copy_carried_by(kind, old)
        new = _numbered(new, old)
        change = change_of(kind, new, old, by, what) if by is not None else None
        if change is not None and old is not None and not await self._has_history(kind, old):
            first = change_of(kind, old, None, Author(""), RECORDED)
            await self._log([_log_row(kind, old, first)] if first is not None else [])
        await self._insert(kind, [(new, change)])
        return new

    async def create(self, kind: Kind, records: Sequence[tuple[R, Author]]) -> list[R]:
        """Write records that are new, each with who made it, by one INSERT; gives them with their versions."""
        numbered = [(_numbered(record, None), by) for record, by in records]
        await self._insert(kind, [(record, change_of(kind, record, None, by)) for record, by in numbered])
        return [record for record, _ in numbered]

    async def history(self, kind: Kind, record: Any) -> list[Entry]:
        """The changes of a record, oldest first; also those that a killed process did not log."""
        place = _place(kind, record)
        named = f"account = {{account:String}} AND {kind.named_by} = {{name:String}}"
        await self._copy(kind, named, "account = {account:String} AND name = {name:String}", place)
        sql = (
            "SELECT version, who_account, who_key, what, before, after, toUnixTimestamp64Milli(changed_at) AS at_ms"  # noqa: S608
            f" FROM changes WHERE {_LOGGED} ORDER BY version"
        )
        return await self._clickhouse.rows(sql, Entry, **place)

    async def next_version(self, kind: Kind, record: Any) -> int:
        """The version that the next change of a record will have in its history; that has its first state as 1."""
        sql = (
            f"SELECT greatest(uniqExact(written), 1) + 1 FROM (SELECT written FROM change_log WHERE {_LOGGED}"  # noqa: S608
            f" UNION ALL SELECT version FROM {kind.table.name}"
            f" WHERE account = {{account:String}} AND {kind.named_by} = {{name:String}} AND change.what != '')"
        )
        return int(await self._clickhouse.value(sql, **_place(kind, record)))

    async def _has_history(self, kind: Kind, record: Any) -> bool:
        sql = f"SELECT count() FROM change_log WHERE {_LOGGED}"  # noqa: S608
        return bool(await self._clickhouse.value(sql, **_place(kind, record)))

    async def copy_since(self, version: int) -> None:
        """Copy to the log what rows of this version or a later one carry and the log lacks."""
        for kind in self._kinds:
            await self._copy(kind, "version >= {since:UInt64}", "written >= {since:UInt64}", {"since": version})

    async def _copy_carried_by(self, kind: Kind, record: Any) -> None:
        this = f"account = {{account:String}} AND {kind.named_by} = {{name:String}} AND version = {{version:UInt64}}"
        logged = "account = {account:String} AND name = {name:String} AND written = {version:UInt64}"
        await self._copy(kind, this, logged, _place(kind, record) | {"version": record.version})

    async def _copy(self, kind: Kind, rows: str, logged: str, params: dict[str, Any]) -> None:
        await self._clickhouse.execute(
            f"INSERT INTO change_log SELECT {{kind:String}}, account, {kind.named_by}, version, {_CARRIED}"  # noqa: S608
            f" FROM {kind.table.name} WHERE {rows} AND change.what != '' AND (account, {kind.named_by}, version) NOT IN"
            f" (SELECT account, name, written FROM change_log WHERE kind = {{kind:String}} AND {logged})",
            **{"kind": kind.name, **params},
        )  # fmt: skip

    async def _insert(self, kind: Kind, written: Sequence[tuple[Any, Change | None]]) -> None:
        rows = [_row(record, change) for record, change in written]
        await insert_until_known(self._clickhouse, kind.table.name, *rows)
        await self._log([_log_row(kind, record, change) for record, change in written if change is not None])

    async def _log(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            await self._clickhouse.insert_rows("change_log", rows)
        except (ClickHouseUnreachable, ClickHouseRefused) as error:  # the rows carry the change: it is not lost
            log.warning("change_not_logged: it is copied to the log later", extra={"error": str(error)})


def change_of(kind: Kind, new: msgspec.Struct, old: msgspec.Struct | None, by: Author, what: str = "") -> Change | None:
    """The change that a record is; None where it differs in nothing that people see."""
    before = kind.shown(old) if _is_there(old) else None
    after = kind.shown(new) if _is_there(new) else None
    if before == after:
        return None
    if before is not None and after is not None:
        names = [name for name in after if before.get(name) != after[name]]
        before, after = ({name: values.get(name) for name in names} for values in (before, after))
    what = what or ("created" if before is None else "deleted" if after is None else "changed")
    return Change(by.account, by.key, what, _json(before), _json(after))


def _row(record: Any, change: Change | None) -> dict[str, Any]:
    carried = {} if change is None else {"change": msgspec.structs.asdict(change)}
    return msgspec.structs.asdict(record) | carried


def _log_row(kind: Kind, record: Any, change: Change) -> dict[str, Any]:
    return _place(kind, record) | {"written": record.version} | msgspec.structs.asdict(change)


def _place(kind: Kind, record: Any) -> dict[str, Any]:
    return {"kind": kind.name, "account": record.account, "name": getattr(record, kind.named_by)}


def _numbered(new: Any, old: Any) -> Any:
    last = old.version if old is not None else 0
    if new.version > last:
        return new
    return msgspec.structs.replace(new, version=max(unix_ms(), last + 1))


def _is_there(record: msgspec.Struct | None) -> bool:
    return record is not None and not getattr(record, "deleted", False)


def _json(fields: dict[str, Any] | None) -> str:
    return "" if fields is None else msgspec.json.encode(fields).decode()
