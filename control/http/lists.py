"""Lists: a page of so many items, and a cursor that leads to the next one, stable while things are added."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request

from control.http.problems import invalid
from runtime.json_faults import described

MAX_LIMIT = 1_000
DEFAULT_LIMIT = 100
LIST_QUERY = (
    ("limit", f"How many items, 1 to {MAX_LIMIT:,}; {DEFAULT_LIMIT} without it"),
    ("cursor", "The next_cursor of the page before"),
)
R = TypeVar("R")
Place = tuple[Any, ...]  # what the items are sorted by
# Of a place: a cursor is a text that anybody can make, and these are what a statement can hold.
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
ClickId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


class Page(msgspec.Struct, frozen=True):
    """What of a list is asked for."""

    limit: int
    after: Place | None  # of the last item of the page before


class Listed(NamedTuple, Generic[R]):
    """The items of a page."""

    items: list[R]
    last: Place | None  # the place of the last item where more follow


def listed(rows: list[R], asked: Page, place_of: Callable[[R], Place]) -> Listed[R]:
    """rows: in their order, one more than the page takes where others follow."""
    items = rows[: asked.limit]
    return Listed(items, place_of(items[-1]) if len(rows) > asked.limit else None)


def page_of(request: Request, place: type[Place]) -> Page:
    """place: the types of what the items are sorted by. Raises Problem."""
    return Page(_limit(request.query_params.get("limit")), _after(request.query_params.get("cursor"), place))


def cut(items: Sequence[R], page: Page, place_of: Callable[[R], Place]) -> tuple[Sequence[R], str | None]:
    """The items of a page, and the cursor to the next; `items` are sorted by place_of."""
    rest = [item for item in items if page.after is None or place_of(item) > page.after]
    here = rest[: page.limit]
    return here, cursor_to(place_of(here[-1])) if len(rest) > page.limit else None


def cursor_after(last: Place | None) -> str | None:
    """The cursor to the next page; None where there is none. last: the place of the last item where others follow."""
    return None if last is None else cursor_to(last)


def cursor_to(place: Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise invalid("limit", f"limit is {described(text)}; expected a whole number from 1 to {MAX_LIMIT:,}")


def _after(text: str | None, place: type[Place]) -> Place | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=place)
    except (ValueError, msgspec.DecodeError):
        raise invalid("cursor", f"cursor is {described(text)}; expected the next_cursor of a page") from None
