"""Checks a contacts file as a whole, before anything of it is sent: a bad file mints nothing."""

from array import array
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import IO

import msgspec

from cli.contact_lines import BadLine, Contact, ContactsError, read_contacts, shown

_encoder = msgspec.json.Encoder()


class Checked(msgspec.Struct):
    """What a file holds. The request's line n is the file's line line_nos[n - 1]."""

    bad: list[BadLine]
    line_nos: array  # type: ignore[type-arg]
    named: int  # good lines with a destination_index
    digest: str  # of the request

    def links(self, destinations: int) -> int:
        return (len(self.line_nos) - self.named) * destinations + self.named


def checked(path: Path, request: IO[bytes], destinations: int, *, skip_bad: bool) -> Checked:
    """Write the good lines to `request` as NDJSON; raises ContactsError at the first bad line unless skip_bad.

    destinations: how many the broadcast has, which each line without a destination_index asks for.
    """
    seen = _Seen(destinations)
    bad: list[BadLine] = []
    line_nos, named, digest = array("I"), 0, sha256()
    for first_line_no, batch in read_contacts(path):
        good, faults = seen.parted(batch, first_line_no)
        if faults and not skip_bad:
            raise ContactsError(f"{path}: line {faults[0].line_no}: {faults[0].error}; nothing was minted")
        bad += faults
        every, left_out = range(first_line_no, first_line_no + len(batch)), {fault.line_no for fault in faults}
        line_nos.extend([no for no in every if no not in left_out] if left_out else every)
        named += len(good) - [contact.destination_index for contact in good].count(None)
        lines = _encoder.encode_lines(good)
        digest.update(lines)
        request.write(lines)
    if not line_nos:
        raise ContactsError(f"{path}: it has no {'good ' if bad else ''}contacts below its header; nothing was minted")
    return Checked(bad, line_nos, named, digest.hexdigest())


class _Seen:
    """On which line each link was asked for first."""

    def __init__(self, destinations: int) -> None:
        self._destinations = destinations
        self._whole: dict[str, int] = {}  # contacts that got a link per destination
        self._single: dict[tuple[str, int], int] = {}

    def parted(self, batch: list[Contact | BadLine], first_line_no: int) -> tuple[list[Contact], list[BadLine]]:
        """The lines that are right and new, and what is wrong with the others."""
        if BadLine not in map(type, batch) and self._all_new(batch, first_line_no):  # type: ignore[arg-type]
            return batch, []  # type: ignore[return-value]
        good: list[Contact] = []
        bad: list[BadLine] = []
        for line_no, line in enumerate(batch, first_line_no):
            fault = line if isinstance(line, BadLine) else self._fault(line, line_no)
            if fault is None:
                good.append(line)  # type: ignore[arg-type]
            else:
                bad.append(fault)
        return good, bad

    def _all_new(self, batch: list[Contact], first_line_no: int) -> bool:
        """Take all of them at once; False, and none taken, where each has to be looked at."""
        contact_ids = [contact.contact_id for contact in batch]
        if self._single or {contact.destination_index for contact in batch} != {None}:
            return False
        if len(set(contact_ids)) < len(batch) or not self._whole.keys().isdisjoint(contact_ids):
            return False
        self._whole.update(zip(contact_ids, count(first_line_no)))
        return True

    def _fault(self, line: Contact, line_no: int) -> BadLine | None:
        index = line.destination_index
        if index is not None and index >= self._destinations:
            known = f"the broadcast has {self._destinations}, numbered from 0"
            return BadLine(line_no, f"there is no destination {index}; {known}")
        first = self._first(line.contact_id, index)
        if first is not None:
            return BadLine(line_no, f"contact {shown(line.contact_id)} was on line {first} already")
        if index is None:
            self._whole[line.contact_id] = line_no
        else:
            self._single[line.contact_id, index] = line_no
        return None

    def _first(self, contact_id: str, index: int | None) -> int | None:
        whole = self._whole.get(contact_id)
        if whole is not None or not self._single:
            return whole
        indexes = range(self._destinations) if index is None else (index,)
        return next((self._single[contact_id, i] for i in indexes if (contact_id, i) in self._single), None)
