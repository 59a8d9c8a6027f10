"""What messaging apps show of a link, as people say it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from records.forms import Form, plain

MAX_TITLE, MAX_DESCRIPTION = 200, 500  # characters; apps cut what is longer than some 70 and 200


class Preview(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a messaging app shows of a link, instead of what it finds at the destination."""

    title: Annotated[str, Meta(max_length=MAX_TITLE)] | None = None
    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] | None = None
    image: Annotated[str, Meta(description="https URL of an image")] | None = None


def _kept(preview: Preview | None) -> dict[str, str]:
    if preview is None:
        return {}
    return {name: plain(said) for name, said in msgspec.structs.asdict(preview).items() if said}


def _said(kept: dict[str, str]) -> Preview | None:
    """What a later release may have kept besides is left out."""
    known: dict[str, Any] = {name: kept[name] for name in Preview.__struct_fields__ if name in kept}
    return Preview(**known) if known else None


PREVIEW = Form(Preview | None, Preview | None, _kept, _said, parts=Preview.__struct_fields__)
