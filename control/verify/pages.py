"""Judges what a destination answered. Pure.

What a link checker gets wrong most is a site that turns robots away: an answer that may be one is `unsure`, never
`fail`, and never passed over.
"""

import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

from control.verify.fetch import Fetched, Trouble
from control.verify.findings import Finding
from records.hosts import host_in

MIN_CERTIFICATE_DAYS = 21
MAX_SECONDS = 3.0
MAX_PAGE_BYTES = 3_000_000
MAX_REDIRECTS = 1  # carriers do not like more behind a short link
ALIKE = 0.9
_DAY_S = 86_400
_TURNED_AWAY = {401, 403, 406, 407, 429, 451}
_CHALLENGE = re.compile(rb"challenge|captcha|just a moment|checking your browser|access denied", re.I)
_LOG_IN_PATH = re.compile(r"/(log-?in|sign-?in|sso|auth|account/login)(/|$|\.)", re.I)
_PASSWORD = re.compile(rb"<input[^>]{0,200}type\s*=\s*[\"']?password", re.I)
_PARKED = re.compile(
    rb"domain (name )?(is|may be) for sale|buy this domain|sedoparking|parkingcrew|bodis\.com|hugedomains|dan\.com",
    re.I,
)
_FAILURES = {
    Trouble.NO_ADDRESS: "address",
    Trouble.NOT_ALLOWED: "address",
    Trouble.TLS: "tls",
    Trouble.REFUSED: "status",
    Trouble.LOOP: "redirects",
    Trouble.TOO_MANY_REDIRECTS: "redirects",
    Trouble.BAD_LOCATION: "redirects",
}
_DOUBTS = {Trouble.NO_NAME_SERVER: "address", Trouble.TIMEOUT: "status"}


def may_recover(fetched: Fetched) -> bool:
    """Whether a second try may show that it was a moment's fault."""
    if fetched.trouble is not None:
        return fetched.trouble in {Trouble.NO_NAME_SERVER, Trouble.NO_ADDRESS, Trouble.REFUSED, Trouble.TIMEOUT}
    return fetched.status in {404, 410} or fetched.status >= 500


def page_findings(url: str, fetched: Fetched, final_hosts: Collection[str], now_s: float) -> list[Finding]:
    """What is wrong with the page behind a URL. final_hosts: where it may end, without ports; empty for anywhere."""
    return [
        Finding(outcome, check, detail, (url,))  # type: ignore[arg-type]
        for outcome, check, detail in (
            *_answer(fetched),
            *_way(url, fetched, final_hosts),
            *_certificate(fetched, now_s),
        )
    ]


_Remark = tuple[str, str, str]


def _answer(fetched: Fetched) -> Iterator[_Remark]:
    if fetched.trouble is not None:
        sure = fetched.trouble in _FAILURES
        yield "fail" if sure else "unsure", (_FAILURES if sure else _DOUBTS)[fetched.trouble], fetched.detail
        return
    status, shown = fetched.status, f"it answers {fetched.status}"
    if status in _TURNED_AWAY or (status == 503 and _CHALLENGE.search(fetched.body)):
        yield "unsure", "status", f"{shown}: perhaps to robots only; look at it on a phone"
    elif status >= 400 or not 200 <= status < 300:
        yield "fail", "status", shown
    elif log_in := _log_in(fetched):
        yield "unsure", "status", f"{log_in}; look whether recipients see the page without an account"
    yield from _weight(fetched)


def _log_in(fetched: Fetched) -> str:
    if len(fetched.hops) > 1 and _LOG_IN_PATH.search(urlsplit(fetched.final_url).path):
        return "it leads to a log-in"
    return "it asks for a password" if _PASSWORD.search(fetched.body) else ""


def _weight(fetched: Fetched) -> Iterator[_Remark]:
    if fetched.seconds > MAX_SECONDS:
        yield "warn", "status", f"it took {fetched.seconds:.1f} s; people leave after {MAX_SECONDS:.0f}"
    if fetched.bytes_announced > MAX_PAGE_BYTES:
        yield "warn", "status", f"it has {fetched.bytes_announced / 1e6:.1f} MB, much for a phone"
    if _PARKED.search(fetched.body):
        yield "warn", "soft-404", "it looks like the page of a domain that is for sale"


def _way(url: str, fetched: Fetched, final_hosts: Collection[str]) -> Iterator[_Remark]:
    if fetched.trouble is None:
        yield from _end(url, fetched, final_hosts)
        redirects = len(fetched.hops) - 1
        if redirects > MAX_REDIRECTS:
            yield "warn", "redirects", f"it redirects {redirects} times; carriers may block more than one"
    unsafe = [hop for hop in fetched.hops if hop.startswith("http://")]
    if unsafe:
        yield "warn", "http", f"{unsafe[0][:200]} is not encrypted"


def _end(url: str, fetched: Fetched, final_hosts: Collection[str]) -> Iterator[_Remark]:
    final, first = fetched.final_host, host_in(url)
    if final_hosts and final not in final_hosts:
        yield "fail", "final-host", f"it ends on {final}; expected {' or '.join(sorted(final_hosts))}"
    elif not final_hosts and not _related(final, first):
        yield "warn", "final-host", f"it ends on {final}, another site than {first}"


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _certificate(fetched: Fetched, now_s: float) -> Iterator[_Remark]:
    ends = fetched.certificate_ends_at_s
    if ends is not None and (days := int((ends - now_s) // _DAY_S)) < MIN_CERTIFICATE_DAYS:
        yield "warn", "certificate-age", f"its certificate ends in {max(days, 0)} days"


def is_page(fetched: Fetched) -> bool:
    """Whether there is a page to compare with that of a path which does not exist."""
    return fetched.trouble is None and 200 <= fetched.status < 300 and "html" in fetched.headers.get("content-type", "")


def soft_404(url: str, page: Fetched, missing: Fetched) -> list[Finding]:
    """A server that answers 200 for what it does not have, and answered the same here.

    missing: what a path that does not exist on the same host answered.
    """
    if not is_page(page) or not is_page(missing) or not _alike(_Text.of(page.body), _Text.of(missing.body)):
        return []
    detail = "it looks like the answer to a path that does not exist on its host; is the page gone?"
    return [Finding("warn", "soft-404", detail, (url,))]


def _alike(one: "_Text", other: "_Text") -> bool:
    if one.title != other.title:
        return False
    shared, either = one.shingles & other.shingles, one.shingles | other.shingles
    return not either or len(shared) / len(either) >= ALIKE


class _Text(HTMLParser):
    """What people read of a page: its title, and its words in runs of four."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._words: list[str] = []
        self._inside = ""

    @classmethod
    def of(cls, body: bytes) -> "_Text":
        text = cls()
        text.feed(body.decode("utf-8", "replace"))
        return text

    @property
    def shingles(self) -> set[tuple[str, ...]]:
        return {tuple(self._words[at : at + 4]) for at in range(max(len(self._words) - 3, 1))} if self._words else set()

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """`<![` is a comment outside of SVG and MathML (WHATWG HTML 13.2.5.42); the parser's own raises at most."""
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"title", "script", "style"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data.strip()
        elif not self._inside:
            self._words += data.split()
