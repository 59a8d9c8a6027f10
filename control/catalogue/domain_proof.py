"""Whether a name may become a short domain, and whose it is: public suffixes, and proof by a record in the DNS."""

import logging
from functools import cache
from hashlib import blake2b
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from publicsuffixlist import PublicSuffixList

from control.http.problems import Problem, invalid
from runtime.json_faults import described

log = logging.getLogger(__name__)

DNS_S = 5.0  # all attempts together
_LABEL = "_taptrail"
_PURPOSE = b"domain proof"


def resolver_at(server: str) -> dns.asyncresolver.Resolver:
    """Asks this server, address[:port], or those of this host; raises dns.resolver.NoResolverConfiguration."""
    resolver = dns.asyncresolver.Resolver(configure=not server)
    if server:
        parts = urlsplit(f"//{server}")
        resolver.nameservers = [dns.nameserver.Do53Nameserver(parts.hostname or "", parts.port or 53)]
    return resolver


class DnsProof:
    """An account shows that a name is its own: it writes a token that only its own registration accepts.

    server: address[:port] of the server that is asked; "" asks those of this host.
    """

    def __init__(self, code_key: bytes, server: str) -> None:
        self._code_key = code_key
        self._resolver = resolver_at(server)

    def token(self, account: str, domain: str) -> str:
        """Of this account and domain alone, the same on every control process; nothing to keep."""
        text = f"{account}\0{domain}".encode()
        return "taptrail-" + blake2b(text, key=self._code_key, digest_size=16, person=_PURPOSE).hexdigest()

    async def check(self, account: str, domain: str) -> None:
        """Raises Problem: 409 with the record and the token where they are not there, 503 where nobody says."""
        record, token = f"{_LABEL}.{domain}", self.token(account, domain)
        if token in await self._texts(record):
            return
        detail = (
            f"account {account} has not shown that {domain} is its own: add a TXT record {record} with the text "
            f"{token}, wait until the DNS has it, and send the same request again"
        )
        raise Problem("conflict", detail, field="domain", record=record, token=token)

    async def _texts(self, record: str) -> set[str]:
        try:
            answer = await self._resolver.resolve(record, "TXT", lifetime=DNS_S)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return set()
        except dns.exception.DNSException as error:
            log.warning("dns_unanswered: nobody says whether a record is there", extra={"error": str(error)})
            detail = f"the DNS does not answer whether {record} has the token of this account; try again"
            raise Problem("unavailable", detail, retry_after_s=10) from None
        return {b"".join(text.strings).decode("utf-8", "replace").strip() for text in answer}


def check_not_public(domain: str) -> None:
    """Raises Problem for a name under which anybody registers names, such as co.uk: cookies and trust end there."""
    if "." in domain and _suffixes().is_public(domain):
        detail = f"domain is {described(domain)}, a public suffix: others have names below it; take a name of your own"
        raise invalid("domain", detail)


@cache
def _suffixes() -> PublicSuffixList:
    """The list that the package holds (publicsuffix.org); it comes with every release of the package."""
    return PublicSuffixList()
