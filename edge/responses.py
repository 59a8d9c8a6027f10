"""What the edge answers: status, headers, and the small branded pages."""

from html import escape

from routing.decide import Decision
from runtime.security_headers import ALWAYS, content_policy

_STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f6f7f9;color:#1d2330;"
    "font:17px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{max-width:26rem;margin:1.5rem;padding:2.2rem 2rem;background:#fff;border-radius:14px;"
    "box-shadow:0 1px 3px rgba(20,30,50,.12);text-align:center}"
    "h1{margin:.2em 0 .4em;font-size:1.45rem}p{margin:0;color:#4b5566}"
    ".brand{font-size:.85rem;font-weight:600;letter-spacing:.04em;color:#6b7485;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#14171d;color:#eef0f4}main{background:#1e232c}"
    "p,.brand{color:#aeb6c4}}"
)
PLAIN = (("cache-control", "private, no-store"), ("x-robots-tag", "noindex, nofollow"))
PAGE = (("content-type", "text/html; charset=utf-8"), *PLAIN, *ALWAYS, content_policy(_STYLE))
RETRY_AFTER_S = {503: 2, 429: 30}


def page(heading: str, text: str, brand: str) -> bytes:
    """A small page with the name of the domain above it."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<style>{_STYLE}</style></head><body><main><div class="brand">{escape(brand)}</div>'
        f"<h1>{escape(heading)}</h1><p>{escape(text)}</p></main></body></html>\n"
    ).encode()


def answer(decision: Decision, brand: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """(status, headers, body) of a decision. brand: what the page calls the domain."""
    if decision.location or decision.reason is None:
        return decision.status, [("location", decision.location), *PLAIN], b""
    status = decision.reason.status
    headers = list(PAGE)
    if status in RETRY_AFTER_S:
        headers.append(("retry-after", str(RETRY_AFTER_S[status])))
    return status, headers, page(decision.reason.heading, decision.reason.text, brand)
