"""The OpenAPI document of the table of operations."""

from typing import Any

import msgspec

from control.access.scopes import MEANINGS
from control.http.advisories import HEADER
from control.http.operations import OPERATIONS, Operation
from control.http.problems import ProblemBody

_WARNING = {
    HEADER: {
        "description": "What was done and may yet not be what was meant, such as links of a broadcast that is over, or "
        "contacts that had a link in it from another request; "
        "once for each",
        "schema": {"type": "string"},
    }
}
_KEYS = "A key of an account. Its scopes: " + "; ".join(f"`{scope}`: {what}" for scope, what in MEANINGS.items()) + "."
_REFUSED = {
    "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}}}
}
_CONDITIONS = (
    ("If-Match", "The ETag of the answer that this change is based on: 412 where it was changed since"),
    ("If-None-Match", "* creates, and answers 412 where it is there already"),
)
_DONE = {201: "Created", 204: "Deleted"}


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    records = [ProblemBody] + [record for operation in OPERATIONS for record in _records_of(operation)]
    _, schemas = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Taptrail control API", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": _KEYS}},
        },
    }


def _records_of(operation: Operation) -> list[Any]:
    every = (*operation.answers, operation.answer_lines, operation.body, operation.lines)
    return [record for record in every if record]


def _described(operation: Operation) -> dict[str, Any]:
    media = "application/x-ndjson" if operation.ndjson else "application/json"
    answer_media = "application/x-ndjson" if operation.answers_lines else media
    problem = {"description": "A problem", **_REFUSED}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs a key with the scope `{operation.scope}` ({MEANINGS[operation.scope]}).",
        "security": [{"key": [operation.scope]}],
        "parameters": _parameters(operation),
        "responses": {
            **{
                str(status): {
                    "description": _DONE.get(status, "Done"),
                    "headers": _WARNING,
                    **({"content": _content(operation, answer_media)} if operation.answers or operation.also else {}),
                }
                for status in operation.statuses
            },
            "401": _REFUSED | {"description": "No key that is in force"},
            "403": _REFUSED | {"description": f"The key lacks the scope `{operation.scope}`, which the problem names"},
            "default": problem,
        },
    }
    if operation.body is not None:
        csv = {"text/csv": {"schema": {"type": "string"}}} if operation.takes_csv else {}
        content = {media: _schema(operation.body), **_lines(operation.lines), **csv}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _content(operation: Operation, media: str) -> dict[str, Any]:
    # OpenAPI 3.1, 4.8.14.2: what is no text has a schema without a type.
    files = {media: {"schema": {"type": "string"} if media.startswith("text/") else {}} for media in operation.also}
    records = {media: _schema(*operation.answers)} if operation.answers else {}
    return {**records, **_lines(operation.answer_lines), **files}


def _lines(record: Any) -> dict[str, Any]:
    return {"application/x-ndjson": _schema(record)} if record else {}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path]
    for name, meaning in operation.query:
        parameters.append({"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}})
    for name, meaning in _CONDITIONS if operation.conditional else ():
        if name == "If-Match" or operation.method == "PUT":
            parameters.append({"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}})
    if operation.idempotent:
        meaning = "The same key and body give the same links again; another body under it is refused"
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "description": meaning, "schema": {"type": "string"}}
        )
    return parameters


def _schema(*records: Any) -> dict[str, Any]:
    """One record, or one of several."""
    references = [{"$ref": f"#/components/schemas/{record.__name__}"} for record in records]
    return {"schema": references[0] if len(references) == 1 else {"oneOf": references}}
