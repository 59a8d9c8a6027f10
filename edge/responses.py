"""What the edge answers: status, headers, and the small branded pages."""

from html import escape

from routing.decide import Decision, Refusal

_PAGES = {
    "unknown_host": ("Nothing here", "There is no page at this address."),
    "unknown_code": ("Link not found", "This link does not exist. Please check it against the message you received."),
    "not_yet": ("Not open yet", "This link is not active yet. Please try again later."),
    "expired": ("Link expired", "This link has expired and no longer leads anywhere."),
    "stopped": ("Link no longer active", "This link has been switched off by its sender."),
    "too_long": ("Link cannot be opened", "Its web address is too long. Please tell the sender of the message."),
    "unresolved": ("One moment, please", "The link cannot be opened right now. Please try again in a moment."),
    "scanning": ("One moment, please", "Many links that do not exist were asked for. Please try again later."),
    "overloaded": ("One moment, please", "The link cannot be opened right now. Please try again in a moment."),
    "home": ("", ""),
}
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
RETRY_AFTER_S = {503: 2, 429: 30}


def page(reason: str, brand: str) -> bytes:
    """The small branded page for a refusal, or for the home of a domain that has none."""
    title, text = _PAGES[reason]
    title = title or brand
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<style>{_STYLE}</style></head><body><main><div class="brand">{escape(brand)}</div>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p></main></body></html>\n"
    ).encode()


def answer(decision: Decision, brand: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """(status, headers, body) of a decision. brand: what the page calls the domain."""
    if decision.location:
        return decision.status, [("location", decision.location), *PLAIN], b""
    reason = decision.reason if isinstance(decision, Refusal) else "unknown_code"
    headers = [("content-type", "text/html; charset=utf-8"), *PLAIN]
    if decision.status in RETRY_AFTER_S:
        headers.append(("retry-after", str(RETRY_AFTER_S[decision.status])))
    return decision.status, headers, page(reason, brand)
