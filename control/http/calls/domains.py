"""The calls about short domains."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.domains import Domains
from control.http.advisories import with_warnings
from control.http.bodies import document, whole_body
from control.http.documents import Document
from control.http.json_answer import json_answer
from control.http.parameters import account_of
from control.http.problems import decoded
from control.http.schemas import DomainBody, DomainCheckBody, DomainPatch, domain_answer
from control.http.versions import based_on, tagged
from control.verify.domain_check import DomainCheck
from records.domain import Domain

_domain = msgspec.json.Decoder(DomainBody)
_check = msgspec.json.Decoder(DomainCheckBody)
_domain_patch = msgspec.json.Decoder(DomainPatch)


class DomainCalls:
    def __init__(self, domains: Domains, check: DomainCheck) -> None:
        self._domains, self._check = domains, check

    async def put_domain(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _domain)
        in_query = request.query_params.get("account")
        domain, created, warnings = await self._domains.put(
            request.path_params["domain"], caller, in_query, body, based_on(request)
        )
        near = await self._domains.nearest(domain, caller.root) if created else None
        if near:
            warnings.append(f"domain {domain.short_domain} is new; was {near} meant, which is registered already?")
        return with_warnings(_answer(domain, 201 if created else 200), warnings)

    async def patch_domain(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _domain_patch)
        account = account_of(request, caller, body.account)
        name = request.path_params["domain"]
        domain, warnings = await self._domains.patch(name, account, body, caller.author, based_on(request))
        return with_warnings(_answer(domain), warnings)

    async def delete_domain(self, request: Request, caller: Caller) -> Response:
        await self._domains.delete(request.path_params["domain"], account_of(request, caller), caller.author)
        return Response(status_code=204)

    async def get_domain(self, request: Request, caller: Caller) -> Response:
        domain = await self._domains.visible(request.path_params["domain"], account_of(request, caller))
        return _answer(domain)

    async def check_domain(self, request: Request, caller: Caller) -> Response:
        data = await whole_body(request)
        body: DomainCheckBody = decoded(data, _check) if data else DomainCheckBody()
        domain = await self._domains.visible(request.path_params["domain"], account_of(request, caller, body.account))
        return json_answer(await self._check.check(domain.short_domain, body.port))


def _answer(domain: Domain, status: int = 200) -> Response:
    return tagged(json_answer(domain_answer(domain), status), domain)
