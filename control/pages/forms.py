"""What a form of a page sends, where it works without a script."""

from urllib.parse import parse_qs

from starlette.requests import Request

from control.http.bodies import pieces

MAX_FORM_BYTES = 8 * 1024


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; raises Problem for one that is too large."""
    body = b"".join([piece async for piece in pieces(request, MAX_FORM_BYTES)])
    given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in given.items()}
