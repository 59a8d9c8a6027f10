"""Short domains: who owns them, and what they answer for themselves."""

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from control.access.caller import Author, Caller
from control.cache.redis_cache import Cache
from control.catalogue.app_schemes import AppSchemes
from control.catalogue.changes import DOMAIN, WITHDRAWN, Changes
from control.catalogue.destination_rules import destination_fault, destination_host, image_fault
from control.catalogue.domain_proof import DnsProof, check_not_public
from control.catalogue.quotas import USUAL, Quotas
from control.catalogue.redirect_loops import leading_to
from control.gathered import Gathered
from control.http.documents import Document, applied
from control.http.problems import Problem, invalid
from control.http.versions import check_based_on
from control.locks import Locks
from control.minting.claims import Claims
from records.account import related, within
from records.domain import Domain
from records.hosts import ascii_host
from records.tables import DOMAINS, EXISTING, in_force
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

MAX_APP_LINK_BYTES = 128 * 1024
MAX_APP_LINKS_BYTES = 256 * 1024  # of all files of a domain: every edge has them in memory
_FILE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", re.ASCII)


class DestinationRules(msgspec.Struct, frozen=True):
    allow_http: bool
    allow_private: bool
    app_schemes: AppSchemes = AppSchemes()


class Domains:
    def __init__(
        self,
        clickhouse: ClickHouse,
        cache: Cache,
        locks: Locks,
        claims: Claims,
        changes: Changes,
        rules: DestinationRules,
        proof: DnsProof | None = None,
        quotas: Quotas = USUAL,
    ) -> None:
        self._clickhouse, self._cache, self._locks, self._claims = clickhouse, cache, locks, claims
        self._changes, self._rules, self._proof, self._quotas = changes, rules, proof, quotas
        self._by_name = Gathered(self._all_by_name)

    async def get(self, short_domain: str) -> Domain | None:
        domain = await self._last_written(short_domain)
        return None if domain is None or domain.deleted else domain

    async def changed_since(self, version: int) -> list[Domain]:
        """Also those that were deleted."""
        return await self._read("version >= {version:UInt64}", version=version)

    async def visible(self, name: str, root: str) -> Domain:
        """A domain that the account `root` may see; raises Problem."""
        domain = await self.get(name_of(name))
        if domain is None or not within(domain.account, root):
            raise Problem("not-found", f"there is no domain {described(name)} here")
        return domain

    async def usable(self, name: str, account: str) -> Domain:
        """A domain that links of this account may live on: its own, or one of an account above; raises Problem."""
        domain = await self.get(name_of(name, field="short_domain"))
        if domain is None or not within(account, domain.account):
            remedy = "register it with PUT /v1/domains/{domain}"
            raise invalid("short_domain", f"there is no domain {described(name)} for account {account}; {remedy}")
        return domain

    async def usable_by(self, account: str, most: int) -> list[str]:
        """The names of domains that links of this account may live on, its own first."""
        parts = account.split("/")
        above = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
        condition = f"{EXISTING} AND account IN ({{above:Array(String)}})"
        found = await self._clickhouse.rows(in_force(DOMAINS, condition), Domain, above=above)
        return [one.short_domain for one in sorted(found, key=lambda one: (-len(one.account), one.short_domain))][:most]

    async def put(
        self, name: str, caller: Caller, in_query: str | None, body: Document, based_on: int | None = None
    ) -> tuple[Domain, bool, list[str]]:
        """Create or replace; gives the domain, whether it is new, and warnings. Raises Problem."""
        name = name_of(name, allow_local=self._rules.allow_private)
        asked = caller.account(in_query, body.account)
        new = applied(Domain(name, asked), body)
        warnings = await self._check(new, None)
        async with self._locked(name):
            last = await self._last_written(name)
            old = None if last is None or last.deleted else last
            if old is not None and not within(old.account, caller.root):
                raise Problem("conflict", f"the domain {name} is not available", field="short_domain")
            if old is not None and (body.account or in_query) and old.account != asked:
                raise Problem("conflict", f"the domain {name} belongs to account {old.account}", field="account")
            check_based_on(based_on, old, f"domain {name}")
            if old is None:
                await self._check_new(new)
            new = msgspec.structs.replace(new, account=old.account if old else asked)
            new = await self._changes.write(DOMAIN, new, last, caller.author)
            return await self._put_in_force(new), old is None, warnings

    async def patch(
        self, name: str, root: str, patch: Document, by: Author, based_on: int | None = None
    ) -> tuple[Domain, list[str]]:
        """Change what the patch names; gives the whole domain, and warnings. Raises Problem."""
        async with self._locked(name_of(name)):
            old = await self.visible(name, root)
            check_based_on(based_on, old, f"domain {old.short_domain}")
            new = applied(old, patch)
            warnings = await self._check(new, old)
            return await self._put_in_force(await self._changes.write(DOMAIN, new, old, by)), warnings

    async def delete(self, name: str, root: str, by: Author) -> None:
        """Give up a domain that has no links; raises Problem. See Claims.claim: this is the other side of it."""
        async with self._locked(name_of(name)):
            old = await self.visible(name, root)
            await self._check_unused(old.short_domain)
            gone = Domain(old.short_domain, old.account, deleted=True)
            gone = await self._changes.write(DOMAIN, gone, old, by)
            try:
                await self._check_unused(old.short_domain)
            except Problem:
                await self._changes.write(DOMAIN, old, gone, by, WITHDRAWN)
                raise
            await self._put_in_force(gone)

    async def nearest(self, domain: Domain, root: str) -> str | None:
        """Another domain of this key's accounts, or of one above, whose name may have been meant."""
        condition = "short_domain != {name:String} AND editDistance(short_domain, {name:String}) <= 2"
        close = in_force(DOMAINS, f"{condition} AND {EXISTING}")
        nearest = f"SELECT * FROM ({close}) ORDER BY editDistance(short_domain, {{name:String}}), short_domain"  # noqa: S608
        found = await self._clickhouse.rows(nearest, Domain, name=domain.short_domain)
        seen = (near.short_domain for near in found if related(near.account, root))
        return next(seen, None)

    async def check_destinations(
        self, account: str, templates: dict[str, str | None], plain: dict[str, str | None], *, own: str = ""
    ) -> list[str]:
        """Raises Problem for the first URL (by field) that this account may not have as a destination; gives warnings.

        plain: without placeholders. own: the short domain that leads there.
        """
        hosts: dict[str, str] = {}
        for field, url in (templates | plain).items():
            if url is None:
                continue
            fault = destination_fault(
                url,
                allow_http=self._rules.allow_http,
                allow_private=self._rules.allow_private,
                app_schemes=self._rules.app_schemes,
                template=field in templates,
            )
            if fault:
                raise invalid(field, f"{field} is {described(url)}: {fault}")
            if host := destination_host(url):
                hosts.setdefault(host, field)
        registered = await self._registered(list(hosts))
        loops = {own, *(domain.short_domain for domain in registered if related(domain.account, account))}
        for host, field in hosts.items():
            if host in loops:
                detail = f"{field} leads to {host}, which is a short domain itself: visitors would go in circles"
                raise invalid(field, detail)
        others = [domain.short_domain for domain in registered]
        return [f"{hosts[host]} leads to {host}, a short domain of another account" for host in others]

    async def _check(self, new: Domain, old: Domain | None) -> list[str]:
        """Gives warnings; raises Problem.

        What is there already stays: a later rule must not keep the rest from being changed.
        """
        if old is None or new.app_links != old.app_links:
            _check_app_links(new.app_links)
        if old is None or new.page != old.page:
            self.check_image("page.logo", new.page.get("logo", ""))
        if old is None or new.preview != old.preview:
            self.check_image("preview.image", new.preview.get("image", ""))
        urls: dict[str, str | None] = {}
        for field in ("home", "not_found", "expired"):
            url = getattr(new, field)
            stays = old is not None and url == getattr(old, field)
            urls[field] = None if stays else url or None
        return await self.check_destinations(new.account, {}, urls, own=new.short_domain)

    def check_image(self, field: str, url: str) -> None:
        """Raises Problem for what cannot be the image of a page; "" is none."""
        if url and (fault := image_fault(url, allow_private=self._rules.allow_private)):
            raise invalid(field, f"{field} is {described(url)}: {fault}")

    async def _check_unused(self, name: str) -> None:
        """Raises Problem for a domain that has links, or will have because they are being minted."""
        links = await self._claims.links_on(name)
        if links:
            what = f"{name} has {links} link{'s' if links > 1 else ''}, and messages with them may be out there"
            detail = f"{what}; only a domain without links can be deleted"
            raise Problem("conflict", detail, field="domain", links=links)

    async def _check_new(self, new: Domain) -> None:
        """Raises Problem for a name that its account cannot register."""
        name = new.short_domain
        check_not_public(name)
        await self._quotas.check_domains(self._clickhouse, new.account)
        await self._check_no_loop(name, new.account)
        if self._proof is not None:
            await self._proof.check(new.account, name)

    async def _check_no_loop(self, name: str, account: str) -> None:
        """Raises Problem where visitors of the account's links would go in circles once this is a short domain.

        What others have leading there is theirs: it must keep nobody from a name.
        """
        for referrer in await leading_to(self._clickhouse, name):
            if not related(referrer.account, account):
                continue
            what = "an account above"  # the caller may not see more of it
            if within(referrer.account, account):
                what = f"{referrer.name} of account {referrer.account}"
            detail = f"{what} leads to {name}: visitors would go in circles; change that first, or take another name"
            raise Problem("conflict", detail, field="domain")

    async def _registered(self, names: list[str]) -> list[Domain]:
        found = await asyncio.gather(*map(self.get, names))
        return [domain for domain in found if domain]

    async def _last_written(self, name: str) -> Domain | None:
        """As it was written last, which may be that it was deleted."""
        return await self._by_name(name)

    async def _all_by_name(self, names: Sequence[str]) -> list[Domain | None]:
        found = await self._read("short_domain IN ({names:Array(String)})", names=sorted(set(names)))
        known = {domain.short_domain: domain for domain in found}  # in the order of their versions
        return [known.get(name) for name in names]

    async def _put_in_force(self, domain: Domain) -> Domain:
        await self._cache.put(domain)
        return domain

    def _locked(self, name: str) -> "contextlib.AbstractAsyncContextManager[None]":
        return self._locks.hold(f"domain:{name}", wait_s=10.0)

    async def _read(self, condition: str, **params: Any) -> list[Domain]:
        return await self._clickhouse.rows(in_force(DOMAINS, condition), Domain, **params)


def name_of(text: str, *, field: str = "domain", allow_local: bool = True) -> str:
    """A domain as it is kept: lower-case ASCII, no trailing dot; raises Problem."""
    name = ascii_host(text.strip())
    numeric = name is not None and re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", name.rpartition(".")[2])
    if name is None or not name or numeric or "_" in name or re.search(r"(^|\.)-|-(\.|$)", name):
        raise invalid(field, f"{field} is {described(text)}; expected a host name like go.acme.example, without a port")
    if "." not in name and not (allow_local and name == "localhost"):
        raise invalid(field, f"{field} is {described(text)}; expected a name with at least one dot")
    return name


def _check_app_links(files: Mapping[str, str]) -> None:
    """files: name -> JSON text. Raises Problem."""
    total = 0
    for name, text in files.items():
        field = f"app_links.{name[:60]}"
        if not _FILE.fullmatch(name) or ".." in name or len(name) > 100:
            expected = "expected a name of [A-Za-z0-9._/-]"
            raise invalid(field, f"{described(name)} is not a file below /.well-known/; {expected}")
        size = len(text.encode())
        total += size
        if size > MAX_APP_LINK_BYTES:
            raise invalid(field, f"the file has {size} bytes; at most {MAX_APP_LINK_BYTES} are allowed")
    if total > MAX_APP_LINKS_BYTES:
        raise invalid("app_links", f"the files have {total} bytes together; at most {MAX_APP_LINKS_BYTES} are allowed")
