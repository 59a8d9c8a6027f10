"""What a dry run of messages says, for a person at a terminal of 80 columns."""

from collections.abc import Iterator
from functools import cache

from rich.console import Console
from rich.text import Text

from cli.plain import printable
from cli.show import counted
from messages.line import DryRun
from messages.warnings import MEANINGS

WIDTH = 78
_BAR = 40


def report_of(run: DryRun) -> str:
    return "\n".join(_lines(run))


def _lines(run: DryRun) -> Iterator[str]:
    yield f"{counted(run.messages, 'message')}, {counted(run.segments, 'segment')}; nothing was minted"
    yield f"with the URLs as they are, without short links: {counted(run.segments_before, 'segment')}"
    if run.skipped:
        yield f"{counted(run.skipped, 'line')} of the contacts left out"
        yield from (f"  line {bad.line}: {printable(bad.error)}" for bad in run.errors)
    yield ""
    yield from _histogram(run)
    yield ""
    yield from _warnings(run)
    for number, sample in enumerate(run.samples, 1):
        yield ""
        how = f"({sample.encoding}, {counted(sample.segments, 'segment')})"
        yield from _wrapped(f"sample {number}, contact {printable(sample.contact_id)} {how}", WIDTH)
        for line in printable(sample.text).splitlines():
            yield from (f"  {piece}" for piece in _wrapped(line, WIDTH - 2) or [""])


def _histogram(run: DryRun) -> Iterator[str]:
    most = max(run.by_segments.values(), default=1)
    yield f"{'segments':>8}{'messages':>11}"
    for segments, messages in run.by_segments.items():
        yield f"{segments:>8}{messages:>11,}  {'#' * max(1, messages * _BAR // most)}"
    yield "encoding: " + ", ".join(f"{name} {messages:,}" for name, messages in run.by_encoding.items())


def _warnings(run: DryRun) -> Iterator[str]:
    if not run.warnings:
        yield "no warnings"
    for about in run.warnings:
        yield f"{about.count:>8,}  {about.warning}"
        yield from (f"{'':10}{piece}" for piece in _wrapped(MEANINGS[about.warning], WIDTH - 10))
        if about.characters:
            costly = sorted(about.characters.items(), key=lambda item: -item[1])
            said = ", ".join(f"{_shown(character)} in {messages:,}" for character, messages in costly)
            yield from (f"{'':10}{piece}" for piece in _wrapped(said, WIDTH - 10))
        examples = ", ".join(
            printable(example.contact_id) + (f" ({example.field})" if example.field else "")
            for example in about.examples
        )
        yield from (f"{'':10}{piece}" for piece in _wrapped(f"such as contact {examples}", WIDTH - 10))


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns: a letter of East Asia and an emoji take two, a combining mark none."""
    return [line.plain.rstrip() for line in Text(text).wrap(_plain(), width)]


@cache
def _plain() -> Console:
    return Console(width=WIDTH, markup=False, emoji=False, highlight=False)


def _shown(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{printable(character)} ({code})" if character.isprintable() else code
