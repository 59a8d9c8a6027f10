"""Composes the messages of a list of contacts, and counts them for a dry run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from contacts.line import Contacts
from messages.composer import Composed, Composer, own_parts
from messages.line import DryRun, MessageLine, MessageLink, WarningCount, WarningExample
from messages.segments import counted
from records.broadcast import Broadcast
from records.link import Link
from routing.destination import destination_for
from routing.visit import Visit

EXAMPLES = 5
MOST_ERRORS = 20
MOST_CHARACTERS = 50
STAND_IN = "0" * 9  # a code has that length; which one a contact gets is known when its link is minted
_BATCH = 10_000

Row = tuple[str, dict[str, str], Composed]  # contact id, fields, message


def rows_of(composer: Composer, contacts: Contacts, rows: slice, urls: Iterable[Sequence[str]]) -> Iterator[Row]:
    """The messages of some lines. urls: of each line, its links by destination."""
    contact_ids = contacts.contact_ids[rows].to_pylist()
    fields = contacts.fields_of(rows)
    if composer.needs_own:
        audiences = [contacts.audiences[no] for no in contacts.audience_nos[rows]]
        fields = list(map(own_parts, contact_ids, audiences, fields))
    for contact_id, own, links in zip(contact_ids, fields, urls, strict=False):
        yield contact_id, own, composer.message(own, links)


def dry_run(composer: Composer, broadcast: Broadcast, contacts: Contacts) -> DryRun:
    """What composing these contacts would give."""
    summary = _Summary(composer, broadcast)
    for start in range(0, len(contacts), _BATCH):
        summary.add(rows_of(composer, contacts, slice(start, start + _BATCH), summary.endless_links()))
    return summary.finished(contacts)


class _Summary:
    def __init__(self, composer: Composer, broadcast: Broadcast) -> None:
        self._composer, self._broadcast = composer, broadcast
        self._links = [
            MessageLink(index, STAND_IN, f"https://{broadcast.short_domain}/{STAND_IN}")
            for index in range(len(broadcast.destinations))
        ]
        self._before = 0
        self._by_segments: Counter[int] = Counter()
        self._by_encoding: Counter[str] = Counter()
        self._warnings: dict[str, WarningCount] = {}
        self._samples: list[MessageLine] = []

    def endless_links(self) -> Iterator[Sequence[str]]:
        urls = [link.short_url for link in self._links]
        while True:
            yield urls

    def add(self, rows: Iterable[Row]) -> None:
        for contact_id, fields, made in rows:
            self._by_segments[made.segments] += 1
            self._by_encoding[made.encoding] += 1
            self._before += counted(self._unshortened(contact_id, fields)).segments
            if made.warnings:
                self._warn(contact_id, made)
            if len(self._samples) < EXAMPLES:
                self._samples.append(line_of(contact_id, made, self._links))

    def finished(self, contacts: Contacts) -> DryRun:
        return DryRun(
            messages=len(contacts),
            segments=sum(segments * messages for segments, messages in self._by_segments.items()),
            segments_before=self._before,
            by_segments={str(segments): self._by_segments[segments] for segments in sorted(self._by_segments)},
            by_encoding=dict(sorted(self._by_encoding.items())),
            warnings=sorted(self._warnings.values(), key=lambda warning: -warning.count),
            samples=self._samples,
            skipped=contacts.bad_lines,
            errors=contacts.bad[:MOST_ERRORS],
        )

    def _unshortened(self, contact_id: str, fields: dict[str, str]) -> str:
        """The text as it would be with its own URLs."""
        broadcast = self._broadcast
        urls = [
            destination_for(broadcast, index, Link(0, index, 0, contact_id, "", fields), Visit("", STAND_IN), bytes(16))
            if "{" in url
            else url
            for index, url in enumerate(broadcast.destinations)
        ]
        return self._composer.filled(fields, urls)

    def _warn(self, contact_id: str, made: Composed) -> None:
        seen = set()
        for warned in made.warnings:
            about = self._warnings.setdefault(warned.warning, WarningCount(warned.warning, 0, [], {}))
            if warned.warning in seen:
                continue
            seen.add(warned.warning)
            about.count += 1
            if len(about.examples) < EXAMPLES:
                about.examples.append(WarningExample(contact_id, warned.character, warned.field))
            if warned.character and (warned.character in about.characters or len(about.characters) < MOST_CHARACTERS):
                about.characters[warned.character] = about.characters.get(warned.character, 0) + 1


def line_of(contact_id: str, made: Composed, links: list[MessageLink]) -> MessageLine:
    return MessageLine(contact_id, made.text, made.encoding, made.segments, made.units, links, made.warnings)
