"""The HTML of the pages: one card, the domain's name on its colour, a heading and a sentence. No script, no request
but for the logo."""

from html import escape

from edge.pages.ink import ink_on
from edge.pages.look import Look
from edge.pages.texts import HOME, TEXTS
from records.page import origin_of
from runtime.security_headers import content_policy

_STYLE = (
    ":root{color-scheme:light dark;--back:#f4f5f7;--card:#fff;--line:#e1e4ea;--ink:#1b2130;--soft:#4a5464}"
    "@media(prefers-color-scheme:dark){:root{--back:#12151a;--card:#1c2128;--line:#2f3641;--ink:#eef0f4;--soft:#b3bbc8}}"
    "*{box-sizing:border-box}"
    "body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;background:var(--back);"
    "color:var(--ink);font:1.0625rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{width:min(27rem,100vw - 2rem);margin:1rem;overflow:hidden;background:var(--card);"
    "border:1px solid var(--line);border-radius:14px;text-align:center;overflow-wrap:anywhere}"
    ".brand{margin:0;padding:1.6rem 1.75rem 0;color:var(--soft);font-size:1.0625rem;font-weight:600;line-height:1.35}"
    # Inline and without padding, a logo that does not load takes no room. Most are drawn for a white ground.
    ".brand img{max-width:min(13rem,100%);max-height:4.5rem;vertical-align:top;background:#fff;border-radius:5px}"
    ".brand span{display:block}.brand img+span{padding-top:.6rem}"
    ".text{padding:1.5rem 1.75rem 2rem}"
    "h1{margin:0 0 .4rem;font-size:1.45rem;line-height:1.25;text-wrap:balance}"
    "h1.brand{padding-top:2rem;color:inherit;font-size:1.45rem}"
    ".text p{margin:0;color:var(--soft);text-wrap:balance}"
)


def page_of(name: str, look: Look) -> tuple[tuple[str, str], bytes]:
    """(header with its content policy, page) of a reason, or of HOME."""
    style = _STYLE + _colors(look.color)
    heading, text = TEXTS[look.language][name]
    card = _home(look, text) if name == HOME else _card(look, heading, text)
    return content_policy(style, origin_of(look.logo)), html(look.language, heading, f"<style>{style}</style>", card)


def _home(look: Look, text: str) -> str:
    return f'<h1 class="brand">{_brand(look)}</h1><div class="text"><p>{escape(text)}</p></div>'


def _card(look: Look, heading: str, text: str) -> str:
    said = f'<div class="text"><h1>{escape(heading)}</h1><p>{escape(text)}</p></div>'
    return f'<p class="brand">{_brand(look)}</p>{said}'


def _brand(look: Look) -> str:
    logo = f'<img src="{escape(look.logo)}" alt="">' if look.logo else ""
    return f'{logo}<span dir="auto">{escape(look.brand)}</span>'


def html(language: str, title: str, head: str, main: str) -> bytes:
    """A whole document; head and main are HTML."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"{head}</head><body><main>{main}</main></body></html>\n"
    ).encode()


def _colors(color: str) -> str:
    """What the colour of a domain adds: its name stands on it, in black or white."""
    if not color:
        return ""
    return f".brand,h1.brand{{padding:1.5rem 1.75rem;background:{color};color:{ink_on(color)}}}"
