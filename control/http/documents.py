"""Bodies, patches and answers of the API, made of the records that they are about."""

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from control.http.problems import invalid
from records.forms import described

R = TypeVar("R", bound=msgspec.Struct)


class Document(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    # A comment, as a docstring would be a description in OpenAPI: what is said of a record. The account: whose it is.
    account: str | None = None


def body_of(record: type[msgspec.Struct], name: str) -> type[Document]:
    """All of a record that people may set; what is left out gets its default."""
    fields: list[Any] = [
        (field.name, field.form.in_body) if field.required else (field.name, field.form.in_body, field.default)
        for field in described(record)
    ]
    return _document(name, fields, "")


def patch_of(record: type[msgspec.Struct], name: str, meaning: str) -> type[Document]:
    """Any part of it; what is left out stays."""
    return _document(
        name, [(field.name, field.form.in_body | UnsetType, UNSET) for field in described(record)], meaning
    )


def answer_of(
    record: type[msgspec.Struct], name: str, before: dict[str, Any], after: dict[str, Any] | None = None
) -> type[msgspec.Struct]:
    """All that people may set, between the fields that they may not."""
    said = {field.name: field.form.in_answer for field in described(record)}
    return msgspec.defstruct(name, [*before.items(), *said.items(), *(after or {}).items()], kw_only=True)


def stated(document: Document) -> dict[str, Any]:
    """The fields that a document has, in addition to the account; in a body those that were left out too."""
    values = msgspec.structs.asdict(document)
    return {name: value for name, value in values.items() if value is not UNSET and name != "account"}


def applied(record: R, document: Document) -> R:
    """The record as the document says; what the document does not have stays. Raises Problem."""
    values = stated(document)
    changes = {}
    for field in described(type(record)):
        if field.name not in values:
            continue
        try:
            changes[field.field] = field.form.to_record(values[field.name])
        except ValueError as error:
            raise invalid(field.name, f"{field.name} {error}") from None
    return msgspec.structs.replace(record, **changes)


def shown(record: msgspec.Struct) -> dict[str, Any]:
    """What people may set of a record, as an answer says it."""
    return {field.name: field.form.from_record(getattr(record, field.field)) for field in described(type(record))}


def _document(name: str, fields: list[Any], meaning: str) -> type[Document]:
    namespace = {"__doc__": meaning} if meaning else None
    made: Any = msgspec.defstruct(
        name, fields, bases=(Document,), namespace=namespace, kw_only=True, forbid_unknown_fields=True
    )
    return made  # type: ignore[no-any-return]
