"""Every reason for which a visitor is not sent where a link leads, with what follows from it. The only list of them."""

from enum import StrEnum


class Reason(StrEnum):
    """The value is the label in metrics, and the column `refusal` of the click where the visit becomes a row."""

    status: int  # of the page; a visitor who is sent elsewhere instead gets 302
    is_row: bool  # whether the visit becomes a row: the link exists, and does not lead there now
    heading: str  # of the page
    text: str  # of the page

    def __new__(cls, label: str, status: int, is_row: bool, heading: str, text: str) -> "Reason":
        reason = str.__new__(cls, label)
        reason._value_ = label
        reason.status, reason.is_row, reason.heading, reason.text = status, is_row, heading, text
        return reason

    UNKNOWN_HOST = "unknown_host", 404, False, "Nothing here", "There is no page at this address."
    UNKNOWN_CODE = (
        "unknown_code", 404, False,
        "Link not found", "This link does not exist. Please check it against the message you received.",
    )  # fmt: skip
    NOT_YET = "not_yet", 404, True, "Not open yet", "This link is not active yet. Please try again later."
    EXPIRED = "expired", 410, True, "Link expired", "This link has expired and no longer leads anywhere."
    STOPPED = "stopped", 410, True, "Link no longer active", "This link has been switched off by its sender."
    TOO_LONG = (
        "too_long", 404, True,
        "Link cannot be opened", "Its web address is too long. Please tell the sender of the message.",
    )  # fmt: skip
    UNRESOLVED = (
        "unresolved", 503, False,
        "One moment, please", "The link cannot be opened right now. Please try again in a moment.",
    )  # fmt: skip
    OVERLOADED = (
        "overloaded", 503, False,
        "One moment, please", "The link cannot be opened right now. Please try again in a moment.",
    )  # fmt: skip
    SCANNING = (
        "scanning", 429, False,
        "One moment, please", "Many links that do not exist were asked for. Please try again later.",
    )  # fmt: skip
