"""Every reason for which a visitor is not sent where a link leads, with what follows from it. The only list of them.

What a visitor reads of it is in edge/pages/texts.toml.
"""

from enum import StrEnum


class Reason(StrEnum):
    """The value is the label in metrics, and the column `refusal` of the click where the visit becomes a row."""

    status: int  # of the page; a visitor who is sent elsewhere instead gets 302
    is_row: bool  # whether the visit becomes a row: the link exists, and does not lead there now

    def __new__(cls, label: str, status: int, is_row: bool) -> "Reason":
        reason = str.__new__(cls, label)
        reason._value_ = label
        reason.status, reason.is_row = status, is_row
        return reason

    UNKNOWN_HOST = "unknown_host", 404, False
    UNKNOWN_CODE = "unknown_code", 404, False
    NOT_YET = "not_yet", 404, True
    EXPIRED = "expired", 410, True
    STOPPED = "stopped", 410, True
    TOO_LONG = "too_long", 404, True  # the destination, filled in
    UNRESOLVED = "unresolved", 503, False
    OVERLOADED = "overloaded", 503, False
    SCANNING = "scanning", 429, False
