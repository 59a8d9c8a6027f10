"""Refusals as RFC 9457 problem details: what was wrong, where, and what is expected."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from records.forms import plain
from runtime.json_faults import JsonFault, described, read_json, shortened

MEDIA_TYPE = "application/problem+json"

# kind -> (status, title). The kind is the fragment of `type`, an anchor of the page /docs.
KINDS = {
    "unauthorized": (401, "A valid API key is needed"),
    "forbidden": (403, "This key may not do that"),
    "not-found": (404, "Not found"),
    "method": (405, "This method is not offered here"),
    "conflict": (409, "Conflicts with the current state"),
    "in-progress": (409, "Another request is doing the same"),
    "changed": (412, "It was changed by somebody else"),
    "too-large": (413, "The body is too large"),
    "not-json": (400, "The body is not JSON"),
    "not-gzip": (400, "The body is not gzip"),
    "encoding": (415, "The body's encoding is not offered here"),
    "invalid": (422, "A value is not valid"),
    "internal": (500, "The service failed"),
    "unavailable": (503, "A store cannot be reached"),
    "storage-full": (507, "A store is full"),
    "not-in-force": (503, "Recorded, not yet in force on the edges"),
}


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with the field at fault and, where the text of the body is, its line and column."""

    type: str
    title: str
    status: int
    detail: str
    field: str = ""
    line: int = 0
    links: int = 0  # that stand in the way of a deletion
    scope: str = ""  # that a key needs for this call
    column: int = 0  # with the line, in characters, from 1
    record: str = ""  # in the DNS that is missing: its name, and its text
    token: str = ""


class Problem(Exception):
    """Ends a request with a problem document. detail: what was wrong and what is expected, for a person.

    allow: the methods there are, where this one is not offered. more: other fields of ProblemBody.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        field: str = "",
        line: int = 0,
        retry_after_s: int = 0,
        allow: str = "",
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.title = KINDS[kind]
        self.kind, self.detail, self.field, self.line = kind, detail, field, line
        self.retry_after_s, self.allow, self._more = retry_after_s, allow, more

    @property
    def body(self) -> ProblemBody:
        kind = f"/docs#{self.kind}"
        return ProblemBody(kind, self.title, self.status, self.detail, self.field, self.line, **self._more)

    @property
    def headers(self) -> dict[str, str]:
        headers = {"WWW-Authenticate": 'Bearer realm="taptrail"'} if self.status == 401 else {}
        if self.status == 403 and (scope := self.body.scope):  # RFC 6750, 3.1
            headers["WWW-Authenticate"] = f'Bearer realm="taptrail", error="insufficient_scope", scope="{scope}"'
        headers |= {"Allow": self.allow} if self.allow else {}  # RFC 9110, 15.5.6
        return headers | ({"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {})


def invalid(field: str, detail: str) -> Problem:
    return Problem("invalid", detail, field=field)


def decoded(data: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """The body as its record; raises Problem that names the field and its value, or line and column."""
    try:
        return read_json(data, decoder)
    except JsonFault as fault:
        kind = "invalid" if fault.is_json else "not-json"
        raise Problem(kind, fault.detail, field=fault.field, line=fault.line, column=fault.column) from None


def check_query(given: Iterable[str], known: Collection[str]) -> None:
    """Raises Problem for a query parameter that the call does not have."""
    for name in given:
        if name not in known:
            expected = f"expected {' or '.join(known)}" if known else "this call has none"
            raise invalid(shortened(name), f"query parameter {described(name)} is not known here; {expected}")


def check_text(field: str, text: str) -> None:
    """Raises Problem for control characters."""
    try:
        plain(text)
    except ValueError as error:
        raise invalid(field, f"{field} {error}") from None
