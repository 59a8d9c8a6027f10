"""Every call of the API, once: the routes and the OpenAPI document are both made from this table."""

from typing import Any

import msgspec

from accounting.audit import Audit
from accounting.close_lane import Closed
from accounting.ledger import Ledger
from contacts.line import BadLine, ContactLine
from control.http.advisories import HEADER
from control.http.problems import ProblemBody
from control.http.schemas import (
    BroadcastAnswer,
    BroadcastBody,
    BroadcastPatch,
    CloseBody,
    DomainAnswer,
    DomainBody,
    LinkAnswer,
    LinkBody,
    LinkLine,
    LinkState,
)
from control.reports.report import Report


class Operation(msgspec.Struct, frozen=True):
    name: str  # the method of Api that answers it
    method: str
    path: str
    summary: str
    answer: Any  # a record; of bulk calls the records that a line may be
    body: Any = None
    statuses: tuple[int, ...] = (200,)  # of an answer that is not a problem
    ndjson: bool = False
    idempotent: bool = False  # takes the header Idempotency-Key
    query: tuple[tuple[str, str], ...] = ()  # (name, meaning)

    @property
    def answers(self) -> tuple[Any, ...]:
        return self.answer if isinstance(self.answer, tuple) else (self.answer,)


_ACCOUNT = (("account", "An account below the key's own"),)
_SKIP_BAD = (("skip_bad", "true: a bad line is answered by its number and error, the others get their links"),)
_PUT = (200, 201)  # replaced, created
_HOURS = (("hours", "Only lanes with a click in so many hours; 24 without it"),)
_WARNING = {
    HEADER: {
        "description": "What was done and may yet not be what was meant, such as links of a broadcast that is over, or "
        "contacts that had a link in it from another request; "
        "once for each",
        "schema": {"type": "string"},
    }
}
_TOP_LEVEL = "; of the whole installation, so only for a key of a top-level account"

OPERATIONS = (
    Operation(
        "put_domain", "PUT", "/v1/domains/{domain}", "Register a short domain, or replace what it answers",
        DomainAnswer, DomainBody, statuses=_PUT, query=_ACCOUNT,
    ),
    Operation("get_domain", "GET", "/v1/domains/{domain}", "What a short domain answers", DomainAnswer, query=_ACCOUNT),
    Operation(
        "put_broadcast", "PUT", "/v1/broadcasts/{broadcast_id}", "Create a broadcast, or replace it",
        BroadcastAnswer, BroadcastBody, statuses=_PUT, query=_ACCOUNT,
    ),
    Operation(
        "patch_broadcast", "PATCH", "/v1/broadcasts/{broadcast_id}",
        "Change any part of a broadcast: fix its destinations, stop, resume, extend; in force within a second",
        BroadcastAnswer, BroadcastPatch, query=_ACCOUNT,
    ),
    Operation(
        "get_broadcast", "GET", "/v1/broadcasts/{broadcast_id}", "What a broadcast is", BroadcastAnswer, query=_ACCOUNT
    ),
    Operation(
        "mint", "POST", "/v1/broadcasts/{broadcast_id}/links",
        "Mint the links of a broadcast: a line in for each contact, a line out for each link",
        (LinkLine, BadLine), ContactLine, ndjson=True, idempotent=True, query=_ACCOUNT + _SKIP_BAD,
    ),
    Operation(
        "report", "GET", "/v1/broadcasts/{broadcast_id}/report", "Engagement of a broadcast", Report, query=_ACCOUNT
    ),
    Operation(
        "create_link", "POST", "/v1/links", "Make one shared link, with a slug or a code",
        LinkAnswer, LinkBody, statuses=(201,), idempotent=True, query=_ACCOUNT,
    ),
    Operation(
        "get_link", "GET", "/v1/links/{domain}/{code}", "What a link is and where it goes now",
        LinkState, query=_ACCOUNT,
    ),
    Operation("ledger", "GET", "/v1/ledger", f"Whether every answered tap is accounted for{_TOP_LEVEL}", Ledger),
    Operation(
        "close_lane", "POST", "/v1/lanes/{lane}/close", f"Give up the clicks of a lane whose disk is lost{_TOP_LEVEL}",
        Closed, CloseBody,
    ),
    Operation(
        "audit", "GET", "/v1/audit",
        f"Whether clicks are missing from the tables or doubled in them, lane by lane{_TOP_LEVEL}",
        Audit, query=_HOURS,
    ),
)  # fmt: skip


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    records = [record for one in OPERATIONS for record in (*one.answers, one.body) if record] + [ProblemBody]
    _, schemas = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Taptrail control API", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _described(one: Operation) -> dict[str, Any]:
    media = "application/x-ndjson" if one.ndjson else "application/json"
    problem = {"description": "A problem", "content": {"application/problem+json": _schema(ProblemBody)}}
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": {
            **{
                str(status): {
                    "description": "Created" if status == 201 else "Done",
                    "headers": _WARNING,
                    "content": {media: _schema(*one.answers)},
                }
                for status in one.statuses
            },
            "default": problem,
        },
    }
    if one.body is not None:
        described["requestBody"] = {"required": True, "content": {media: _schema(one.body)}}
    return described


def _parameters(one: Operation) -> list[dict[str, Any]]:
    in_path = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path]
    for name, meaning in one.query:
        parameters.append({"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}})
    if one.idempotent:
        meaning = "The same key and body give the same links again; another body under it is refused"
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "description": meaning, "schema": {"type": "string"}}
        )
    return parameters


def _schema(*records: Any) -> dict[str, Any]:
    """One record, or one of several."""
    references = [{"$ref": f"#/components/schemas/{record.__name__}"} for record in records]
    return {"schema": references[0] if len(references) == 1 else {"oneOf": references}}
