"""Judges what the DNS and the addresses of a short domain answered, and says what to do about it. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from control.verify.fetch import Fetched, Trouble

MIN_CERTIFICATE_DAYS = 14  # those of 90 days and of 45 are renewed before
MAX_SHOWN = 60  # characters of what a server calls itself
_DAY_S = 86_400
_ROUTE_AWAY = "unreachable"  # as strerror(3) says it

Outcome = Literal["pass", "fail", "unsure", "warn"]


class DomainFinding(msgspec.Struct, frozen=True):
    """What was seen: right, wrong, not to be told from here (unsure), or wrong soon (warn)."""

    outcome: Outcome
    check: Literal["dns", "certificate", "edge"]
    detail: str
    remedy: str = ""
    addresses: tuple[str, ...] = ()


class DomainChecked(msgspec.Struct, frozen=True):
    domain: str
    verdict: Literal["pass", "fail", "unsure"]
    findings: list[DomainFinding]


class Resolved(msgspec.Struct, frozen=True):
    """What the DNS says of a name. way: the names that CNAMEs lead over, in their order."""

    addresses: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    is_missing: bool = False  # the name, or the one that it leads to
    unanswered: tuple[str, ...] = ()  # kinds of records about which nobody says anything


def checked(domain: str, findings: Sequence[DomainFinding]) -> DomainChecked:
    """One failure fails the whole, and one doubt leaves it open; the same of several addresses is said once."""
    outcomes = {finding.outcome for finding in findings}
    verdict: Literal["pass", "fail", "unsure"] = (
        "fail" if "fail" in outcomes else "unsure" if "unsure" in outcomes else "pass"
    )
    merged: dict[DomainFinding, list[str]] = {}
    for finding in findings:
        same = msgspec.structs.replace(finding, addresses=())
        merged.setdefault(same, []).extend(finding.addresses)
    order = ("dns", "certificate", "edge")
    once = [msgspec.structs.replace(same, addresses=tuple(of)) for same, of in merged.items()]
    return DomainChecked(domain, verdict, sorted(once, key=lambda finding: order.index(finding.check)))


def of_dns(name: str, found: Resolved, not_public: Sequence[str]) -> list[DomainFinding]:
    """What is said of the records; not_public: addresses that recipients do not reach."""
    findings = []
    if found.unanswered:
        detail = f"nobody answers whether {name} has {' and '.join(found.unanswered)} records"
        remedy = "try again; if it stays so, look at the name servers of the domain"
        findings.append(DomainFinding("unsure", "dns", detail, remedy))
    last = found.way[-1] if found.way else name
    if not found.addresses and not found.unanswered:
        over = f"{name} leads to {last}, which " if found.way else f"{name} "
        detail = over + ("is not in the DNS" if found.is_missing else "has neither an A nor an AAAA record")
        findings.append(DomainFinding("fail", "dns", detail, _record(last)))
    if not_public:
        detail = f"{name} leads to an address that recipients cannot reach: it is not public"
        findings.append(DomainFinding("fail", "dns", detail, _record(last), tuple(not_public)))
    public = tuple(address for address in found.addresses if address not in not_public)
    if public:
        over = f" by way of {' and '.join(found.way)}" if found.way else ""
        findings.append(DomainFinding("pass", "dns", f"{name} has addresses{over}", addresses=public))
    return findings


def _record(name: str) -> str:
    return f"give {name} an A record, and AAAA for IPv6, with the public address of what ends TLS before the edges"


def of_answer(
    name: str, address: str, fetched: Fetched, proof: str, now_s: float, port: int = 443
) -> list[DomainFinding]:
    """What one address answered when it was asked for the proof that only an edge of this installation can give."""
    here = (address,)
    if fetched.trouble is not None:
        return _of_trouble(name, fetched, here, port)
    return [_of_certificate(fetched, here, now_s), _of_edge(fetched, here, proof)]


def _of_certificate(fetched: Fetched, here: tuple[str, ...], now_s: float) -> DomainFinding:
    ends_s = fetched.certificate_ends_at_s or 0.0
    days = max(int((ends_s - now_s) // _DAY_S), 0)
    detail = f"it is of this name, its chain is trusted, and it ends in {days} days, on {_day(ends_s)}"
    if days < MIN_CERTIFICATE_DAYS:
        remedy = "look why it was not renewed yet; browsers refuse the domain from that day on"
        return DomainFinding("warn", "certificate", detail, remedy, here)
    return DomainFinding("pass", "certificate", detail, addresses=here)


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).date().isoformat()


def _of_edge(fetched: Fetched, here: tuple[str, ...], proof: str) -> DomainFinding:
    if fetched.status == 200 and fetched.body.decode("latin-1") == proof:
        return DomainFinding("pass", "edge", "an edge of this installation answers", addresses=here)
    by = fetched.headers.get("server", "")[:MAX_SHOWN]
    answered = f"{fetched.status}{f' ({by})' if by else ''}"
    if fetched.status == 429 or fetched.status >= 500:
        remedy = "look whether the edges run, and what stands before them reaches them; then try again"
        return DomainFinding("unsure", "edge", f"it answers {answered}", remedy, here)
    detail = f"what answers is no edge of this installation: it answered {answered}"
    remedy = (
        "lead the record to your edges; if it does, what ends TLS there must pass on every path, and Host as it came, "
        "to edges that have the same TAPTRAIL_CODE_KEY as control and run this release or a later one"
    )
    return DomainFinding("fail", "edge", detail, remedy, here)


def _of_trouble(name: str, fetched: Fetched, here: tuple[str, ...], port: int) -> list[DomainFinding]:
    detail = fetched.detail
    not_asked = DomainFinding("unsure", "edge", "not asked, as there was no connection", addresses=here)
    if fetched.trouble is Trouble.TLS:
        refused = DomainFinding("fail", "certificate", _lower(detail), _mend(name, detail, port), here)
        why = "not asked, as its certificate is not accepted"
        return [refused, msgspec.structs.replace(not_asked, detail=why)]
    if fetched.trouble is Trouble.NOT_ALLOWED:
        remedy = "ask port 443, or name the network in TAPTRAIL_FETCH_ALLOW of control"
        return [DomainFinding("unsure", "certificate", detail, remedy, here), not_asked]
    if fetched.trouble is Trouble.REFUSED and not detail.lower().endswith(_ROUTE_AWAY):
        remedy = f"open port {port}, let what ends TLS listen on it, and look whether the edges run"
        why = f"nothing answers over TLS: {_lower(detail)}"
        return [DomainFinding("fail", "certificate", why, remedy, here), not_asked]
    remedy = "look from elsewhere, such as by curl from a phone's network: what control reaches may differ"
    return [DomainFinding("unsure", "certificate", _lower(detail), remedy, here), not_asked]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _mend(name: str, detail: str, port: int) -> str:
    """By what OpenSSL says of a certificate."""
    told = detail.lower()
    if "mismatch" in told or "not valid for" in told:
        return f"install a certificate for {name} where TLS ends, chosen by the name that is asked for (SNI)"
    if "expired" in told:
        return "renew it, and look why that did not happen by itself"
    if "self-signed" in told or "self signed" in told or "issuer" in told:
        return "install one of a public authority, with the certificates between it and the root"
    return f"let port {port} speak TLS with a certificate for {name}"
