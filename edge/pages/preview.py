"""The page for what draws previews of links: Open Graph (ogp.me), and the same in words."""

from functools import lru_cache
from html import escape
from typing import NamedTuple

from edge.pages.look import Look
from edge.pages.page import html
from routing.destination import ascii_url
from runtime.security_headers import content_policy


class Shown(NamedTuple):
    """What an app is to show; "" for what nobody said."""

    title: str
    description: str
    image: str


@lru_cache(256)
def preview_page(shown: Shown, look: Look) -> tuple[tuple[str, str], bytes]:
    """(header with its content policy, page). Without a title it has the brand for one."""
    title = shown.title or look.brand
    tags = {
        "og:type": "website",
        "og:site_name": look.brand,
        "og:title": title,
        "og:description": shown.description,
        "og:image": ascii_url(shown.image),
    }
    head = "".join(_meta("property", name, said) for name, said in tags.items() if said)
    head += _meta("name", "twitter:card", "summary_large_image" if shown.image else "summary")
    head += _meta("name", "description", shown.description) if shown.description else ""
    text = f"<p>{escape(shown.description)}</p>" if shown.description else ""
    return content_policy(), html(look.language, title, head, f"<h1>{escape(title)}</h1>{text}")


def _meta(kind: str, name: str, said: str) -> str:
    return f'<meta {kind}="{name}" content="{escape(said)}">'
