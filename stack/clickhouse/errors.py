"""ClickHouse's errors as its HTTP interface gives them: a code, a text, a status."""

import re

_CODE = re.compile(r"Code: (\d+)\. ")
BAD_ARGUMENTS, SYNTAX_ERROR, READONLY, TIMEOUT_EXCEEDED, SAME_QUERY_ID = 36, 62, 164, 159, 216
NOT_IMPLEMENTED, QUERY_WAS_CANCELLED, REQUEST_TOO_LARGE, AUTHENTICATION_FAILED = 48, 394, 307, 516
CANNOT_READ_ALL_DATA, CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, UNKNOWN_EXCEPTION = 33, 271, 89, 1002

# ClickHouse, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp; every other code is a 500.
_STATUS = {
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 512, 516), 403),
    **dict.fromkeys((6, 25, 26, 27, 33, 36, 38, 41, 53, 62, 69, 70, 72, 117, 167, 168, 271, 427, 457), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 82, 115, 118, 139), 404),
    **dict.fromkeys((159,), 408),
    **dict.fromkeys((307,), 413),
    **dict.fromkeys((48,), 501),
    **dict.fromkeys((439,), 503),
}


class ClickHouseError(Exception):
    """`str` is the text of the body."""

    def __init__(self, code: int, message: str, name: str = "") -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message}" + (f" ({name})" if name else ""))
        self.code = code

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 500)


class EngineError(ClickHouseError):
    """What the engine raised, in its own words."""

    def __init__(self, error: BaseException) -> None:
        text = str(error)
        found = _CODE.search(text)
        code = int(found.group(1)) if found else UNKNOWN_EXCEPTION
        super().__init__(code, text)
        self.args = (text[found.start() :] if found else f"Code: {code}. DB::Exception: {text}",)
