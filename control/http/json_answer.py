"""Answers of one JSON document."""

from typing import Any

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


def json_answer(answer: Any, status: int = 200) -> Response:
    return Response(_encoder.encode(answer), status, media_type="application/json")
