"""What messaging apps show of a link, as people say it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from records.forms import form_of_texts, plain

MAX_TITLE, MAX_DESCRIPTION = 200, 500  # characters; apps cut what is longer than some 70 and 200


class Preview(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a messaging app shows of a link, instead of what it finds at the destination."""

    title: Annotated[str, Meta(max_length=MAX_TITLE)] | None = None
    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] | None = None
    image: Annotated[str, Meta(description="https URL of an image")] | None = None


PREVIEW = form_of_texts(Preview, plain)
