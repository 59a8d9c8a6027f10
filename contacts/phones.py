"""Phone numbers as contact ids: the same number in several spellings, and numbers that lost their plus.

A number's normal form is its digits without 00 or + in front. That needs no list of countries, which would have to be
kept up to date, nor the country of the file; so a number written as at home (0151 ...) is not matched with +49 151 ....
Ids stay as they are written: the sender looks for them.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from contacts.line import Contacts
from contacts.phone_text import PHONE_HEADER, SPELLED, in_ascii, is_odd

MAX_NAMED = 5  # pairs of lines that are named one by one
_MAY_BE_DRESSED = r"[^\x00-\x7f]|^(tel:|'|=\")"
_DIGITS = 8, 15  # of a number with its country, E.164; fewer are no number that anybody sends to


def phone_warnings(contacts: Contacts, header: str = "") -> list[str]:
    """What a person should look at before texts go out. header: of the column that the contact ids are from."""
    ids = contacts.contact_ids
    if not len(ids):
        return []
    bare, odd = _bare(ids)
    rows = pc.indices_nonzero(pc.match_substring_regex(bare, SPELLED))
    numbers = bare.take(rows)
    return [
        *_spelled_twice(contacts, rows, numbers), *_without_plus(contacts, rows, numbers, header),
        *_written_oddly(contacts, odd),
    ]  # fmt: skip


def _bare(ids: Any) -> tuple[Any, list[tuple[int, str]]]:
    """The ids with numbers in ASCII, however a person or a program wrote them; and the rows that no sender may read."""
    may_be = pc.match_substring_regex(ids, _MAY_BE_DRESSED, ignore_case=True)
    rows = pc.indices_nonzero(may_be).to_pylist()
    written = ids.filter(may_be).to_pylist()
    bare = list(map(in_ascii, written))
    odd = [(row, is_) for row, was, is_ in zip(rows, written, bare, strict=True) if is_odd(was, is_)]
    return (pc.replace_with_mask(ids, may_be, pa.array(bare, pa.string())) if rows else ids), odd


def _written_oddly(contacts: Contacts, odd: list[tuple[int, str]]) -> list[str]:
    if not odd:
        return []
    row, bare = odd[0]
    where = f"line {contacts.line_nos[row]}{_more(len(odd))}: contact {contacts.contact_ids[row].as_py()!a}"
    return [f"{where} is a number in characters that senders may not read; write it as {bare}"]


def _more(count: int) -> str:
    return f" (and {count - 1} more lines)" if count > 1 else ""


def _spelled_twice(contacts: Contacts, rows: Any, numbers: Any) -> list[str]:
    if not pc.any(pc.match_substring_regex(numbers, "^00|[^0-9]")).as_py():
        return []  # one spelling alone
    keys = _normal(numbers)
    counts = keys.value_counts()
    more = counts.field("values").filter(pc.greater(counts.field("counts"), pa.scalar(1)))
    chosen = pc.is_in(keys, value_set=more.drop_null())
    first: dict[str, int] = {}
    said, found = [], 0
    for row, key in zip(rows.filter(chosen).to_pylist(), keys.filter(chosen).to_pylist(), strict=True):
        earlier = first.setdefault(key, row)
        ours, theirs = (contacts.contact_ids[place].as_py() for place in (row, earlier))
        if ours == theirs:
            continue
        found += 1
        if found <= MAX_NAMED:
            where = f"line {contacts.line_nos[row]}: contact {ours!a} is the number {theirs!a}"
            said.append(f"{where} of line {contacts.line_nos[earlier]} in another spelling; each gets its own link")
    return said if found <= MAX_NAMED else [*said, f"{found - MAX_NAMED} more lines are numbers in another spelling"]


def _normal(numbers: Any) -> Any:
    """The digits, null for what has too few or too many to be a number."""
    digits = pc.replace_substring_regex(pc.replace_substring_regex(numbers, "[^0-9]", ""), "^00", "")
    length = pc.utf8_length(digits)
    low, high = (pa.scalar(count, pa.int32()) for count in _DIGITS)
    fits = pc.and_(pc.greater_equal(length, low), pc.less_equal(length, high))
    return pc.if_else(fits, digits, pa.scalar(None, pa.string()))


def _without_plus(contacts: Contacts, rows: Any, numbers: Any, header: str) -> list[str]:
    if not PHONE_HEADER.search(header) and not pc.any(pc.starts_with(numbers, "+")).as_py():
        return []
    lost = rows.filter(pc.match_substring_regex(numbers, "^[1-9][0-9]{10,14}$"))
    if not len(lost):
        return []
    first = lost[0].as_py()
    where = f"line {contacts.line_nos[first]}{_more(len(lost))}: contact {contacts.contact_ids[first].as_py()!a}"
    return [f"{where} has no + in front, which spreadsheets drop; senders may take it for a number at home"]
