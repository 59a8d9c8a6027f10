"""Templates to answers: one environment, escaped everywhere, and the headers that every page carries."""

from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from control.access.caller import Caller
from control.pages import formats
from control.pages.assets import address_of

# Scripts, styles, pictures and calls of this host alone; nothing inline, no frame, no form to elsewhere (CSP level 3).
# data: for the picture that a chart is saved as.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # with no-referrer a form would say Origin: null
    "X-Frame-Options": "DENY",
}


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.filters |= {
        "number": formats.number,
        "share": formats.share,
        "span": formats.span,
        "sentence": formats.sentence,
        "moment": formats.moment,
        "moment_of_ms": formats.moment_of_ms,
        "clock": formats.clock,
        "strokes": formats.strokes,
        "in_path": formats.in_path,
    }
    environment.globals |= {"asset": address_of}
    return environment


_templates = _environment()


def page(
    template: str, caller: Caller | None, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """A page of this template. caller: who is signed in; the navigation is theirs. headers: beside those of every page.

    Values are escaped wherever a template puts them. Rendering happens on the event loop: hand it a page of rows, never
    a whole table.
    """
    text = _templates.get_template(template).render(caller=caller, **values)
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})
