"""Looks at a short domain as recipients meet it: its records, its certificate, and whether an edge of ours answers."""

import asyncio
import time
from collections.abc import Sequence
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.resolver

from control.catalogue.domain_proof import DNS_S, resolver_at
from control.http.problems import Problem
from control.verify.domain_findings import DomainChecked, DomainFinding, Resolved, checked, of_answer, of_dns
from control.verify.fetch import Fetcher
from records.networks import Networks
from records.own_visit import HEADER, PROOF_PATH, OwnVisits
from records.public_address import is_public
from runtime.clock import unix_ms

MAX_ADDRESSES = 16  # of one name that are asked
AT_ONCE = 8  # domains that one control process looks at
_KINDS = ("A", "AAAA")


class DomainCheck:
    """dns_server: address[:port], "" for those of this host. fetch_allow: networks that count as public, any port."""

    def __init__(self, code_key: bytes, dns_server: str, fetch_allow: Networks) -> None:
        self._own_visits, self._dns_server = OwnVisits(code_key), dns_server
        self._allow, self._fetcher = fetch_allow, Fetcher(fetch_allow)
        self._running = 0

    async def check(self, name: str, port: int = 443) -> DomainChecked:
        """Findings about a registered domain, those that are right too; raises Problem while too many are looked at."""
        if self._running >= AT_ONCE:
            detail = f"this process looks at {AT_ONCE} domains already; try again later"
            raise Problem("in-progress", detail, retry_after_s=10)
        self._running += 1
        try:
            return checked(name, await self._findings(name, port))
        finally:
            self._running -= 1

    async def _findings(self, name: str, port: int) -> list[DomainFinding]:
        found = await self._resolved(name)
        not_public = [address for address in found.addresses if not self._is_reached(address)]
        asked = [address for address in found.addresses if address not in not_public][:MAX_ADDRESSES]
        answers = await asyncio.gather(*(self._asked(name, address, port) for address in asked))
        return [*of_dns(name, found, not_public), *(finding for findings in answers for finding in findings)]

    async def _asked(self, name: str, address: str, port: int) -> list[DomainFinding]:
        mark = self._own_visits.mark(name + PROOF_PATH, unix_ms())
        authority = name if port == 443 else f"{name}:{port}"
        fetched = await self._fetcher.ask(f"https://{authority}{PROOF_PATH}", address, {HEADER: mark})
        return of_answer(name, address, fetched, self._own_visits.proof(name, mark), time.time(), port)

    def _is_reached(self, address: str) -> bool:
        known = ip_address(address)
        return is_public(known) or any(known in network for network in self._allow)

    async def _resolved(self, name: str) -> Resolved:
        try:
            resolver = resolver_at(self._dns_server)
        except dns.resolver.NoResolverConfiguration:
            return Resolved(unanswered=_KINDS)
        answers = await asyncio.gather(*(_records(resolver, name, kind) for kind in _KINDS))
        return _together(answers)


async def _records(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> Resolved:
    """What the DNS says of records of one kind."""
    try:
        # A domain is a whole name: what this host appends to short ones is not asked.
        answer = await resolver.resolve(f"{name}.", kind, lifetime=DNS_S, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN as error:
        canonical = error.canonical_name.to_text(omit_final_dot=True)
        return Resolved(way=() if canonical == name else (canonical,), is_missing=True)
    except dns.exception.DNSException:
        return Resolved(unanswered=(kind,))
    over = [record.target for cname in answer.chaining_result.cnames for record in cname]
    way = tuple(target.to_text(omit_final_dot=True) for target in over)
    # Servers turn their records round with each answer.
    return Resolved(tuple(sorted(record.address for record in answer.rrset or ())), way)


def _together(answers: Sequence[Resolved]) -> Resolved:
    return Resolved(
        tuple(address for answer in answers for address in answer.addresses),
        next((answer.way for answer in answers if answer.way), ()),
        any(answer.is_missing for answer in answers),
        tuple(kind for answer in answers for kind in answer.unanswered),
    )
