"""The text of a broadcast against its destinations, and what a text is warned of. Pure."""

from collections.abc import Iterator

from control.verify.findings import Finding
from messages.composer import Composer
from messages.template import Template, TextFault, parsed
from records.broadcast import Broadcast


def text_findings(broadcast: Broadcast, *, asks_opt_out: bool = False) -> Iterator[Finding]:
    """What recipients would read; nothing for a broadcast without a text."""
    if not broadcast.text:
        return
    try:
        template = parsed(broadcast.text, broadcast.destinations)
    except TextFault as fault:
        yield Finding("fail", "text", f"the text {fault}")
        return
    strangers = [url for url in template.urls if url not in broadcast.destinations]
    if strangers:
        yield Finding("fail", "text", "the text has URLs that are none of the destinations", strangers)
        return
    yield from _warnings(broadcast, template, asks_opt_out)


def _warnings(broadcast: Broadcast, template: Template, asks_opt_out: bool) -> Iterator[Finding]:
    unused = [url for url in broadcast.destinations if url not in template.urls]
    if unused:
        yield Finding(
            "warn", "text", "destinations that stand nowhere in the text: nobody is sent a link to them", unused
        )
    composer = Composer(template, broadcast.destinations, broadcast.short_domain, asks_opt_out=asks_opt_out)
    for warned in composer.always:
        yield Finding("warn", "text", f"{warned.warning}: {warned.warning.meaning}")
