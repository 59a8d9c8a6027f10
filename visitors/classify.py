"""Who made a visit: a person, or which kind of machine. Pure; every verdict names the rules that led to it.

Machines are labelled, never dropped. When a rule changes, CLASSIFIER_VERSION grows: a row keeps the version that
judged it, and its evidence.
"""

import re
from functools import lru_cache
from importlib.resources import files

import msgspec

from records.own_visit import PURPOSE as OWN_VERIFY
from visitors.agents import VisitClass, machine_named_in, without_model
from visitors.browsers import is_browser, no_browser_writes
from visitors.evidence import Evidence
from visitors.lists import list_that_names

__all__ = ["CLASSIFIER_VERSION", "Verdict", "VisitClass", "classify", "network_verdict"]

CLASSIFIER_VERSION = 3
_REMEMBERED = 16_384


class Verdict(msgspec.Struct, frozen=True, gc=False):
    visit_class: VisitClass
    reasons: tuple[str, ...]  # stable identifiers; the first decided


# What verification of a broadcast asks an edge; it stands outside of every figure.
_OWN_VERIFY = Verdict(VisitClass.BOT, (OWN_VERIFY,))


def classify(evidence: Evidence) -> Verdict:
    """Judge one visit; what speaks for a machine wins over what speaks for a person."""
    verdict = _headers_verdict(
        evidence.method, evidence.user_agent, evidence.purpose, evidence.sec_fetch, evidence.sec_ch_ua
    )
    network = network_verdict(evidence.asn, evidence.as_org)
    return verdict if network is None else _both(verdict, network)


@lru_cache(_REMEMBERED)
def _headers_verdict(method: str, agent: str, purpose: str, sec_fetch: str, sec_ch_ua: str) -> Verdict:
    signs = [
        _OWN_VERIFY if purpose == OWN_VERIFY else None,
        _machine_agent(agent),
        Verdict(VisitClass.BOT, ("hint-headless-chrome",)) if "headlesschrome" in sec_ch_ua.lower() else None,
        _purpose_verdict(purpose.lower()),
        # One social network sends a GET and three HEADs for each post, mail scanners many; browsers send none.
        Verdict(VisitClass.SCANNER, ("method-head",)) if method == "HEAD" else None,
    ]
    against = [verdict for verdict in signs if verdict is not None]
    if not against:
        return _person_or_unknown(agent, sec_fetch)
    decisive = [verdict for verdict in against if verdict.visit_class is not VisitClass.UNKNOWN] or against
    return Verdict(decisive[0].visit_class, tuple(reason for verdict in decisive for reason in verdict.reasons))


def _machine_agent(agent: str) -> Verdict | None:
    if rule := machine_named_in(agent):
        return Verdict(rule.visit_class, (rule.reason,))
    listed = list_that_names(without_model(agent))
    if listed is not None:
        return Verdict(VisitClass.BOT, (listed,))
    return Verdict(VisitClass.UNKNOWN, ("agent-no-browser-writes",)) if no_browser_writes(agent) else None


def _purpose_verdict(purpose: str) -> Verdict | None:
    """Sec-Purpose (Fetch standard: "prefetch", "prefetch;prerender") and the headers of its forerunners."""
    if "prefetch" in purpose or "prerender" in purpose or "instant" in purpose:
        return Verdict(VisitClass.PREFETCH, ("purpose-prefetch",))
    if "preview" in purpose:
        return Verdict(VisitClass.PREVIEW, ("purpose-preview",))
    return None


def _person_or_unknown(agent: str, sec_fetch: str) -> Verdict:
    """sec_fetch: "site mode user dest"; only a navigation to a document is a tap (Fetch Metadata, W3C)."""
    mode, destination = (sec_fetch.split(" ") + [""] * 4)[1:4:2]
    if mode == "navigate" and destination == "document":
        return Verdict(VisitClass.HUMAN, ("fetch-navigate",))
    if destination not in {"", "-", "document"}:
        return Verdict(VisitClass.UNKNOWN, ("fetch-not-a-page",))
    if is_browser(agent):
        return Verdict(VisitClass.HUMAN, ("agent-browser",))
    return Verdict(VisitClass.UNKNOWN, ("agent-not-known",))


class _Networks(msgspec.Struct, frozen=True):
    """What visitors/data/networks.json carries; `python -m loadtest.agents.update_networks` writes it."""

    hosting: dict[int, str]
    security: dict[int, str]


# Of networks that rent out machines, a browser's string is a scanner as often as a person behind a VPN.
_NETWORKS = msgspec.json.decode(files("visitors").joinpath("data/networks.json").read_bytes(), type=_Networks)
_SECURITY_VENDOR = re.compile(r"Barracuda Networks|Proofpoint|Mimecast|Cloudmark|Trend Micro|Netcraft|Censys", re.I)


@lru_cache(_REMEMBERED)
def network_verdict(asn: int, as_org: str) -> Verdict | None:
    """What a network says of all visits from it; None for most. Visits differ by their network in nothing else."""
    if asn == 0:
        return None
    if asn in _NETWORKS.security or _SECURITY_VENDOR.search(as_org):
        return Verdict(VisitClass.SCANNER, ("network-security-vendor",))
    return Verdict(VisitClass.UNKNOWN, ("network-hosting",)) if asn in _NETWORKS.hosting else None


def _both(verdict: Verdict, network: Verdict) -> Verdict:
    """A network decides only where nothing else named a machine."""
    if verdict.visit_class in {VisitClass.HUMAN, VisitClass.UNKNOWN}:
        return Verdict(network.visit_class, network.reasons + verdict.reasons)
    return Verdict(verdict.visit_class, verdict.reasons + network.reasons)
