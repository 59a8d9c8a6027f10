"""Segments as two other implementations count them."""

from sms_toolkit.messages.profiling import profile_message
from smsutil import is_valid_gsm, split

Count = tuple[str, int]  # encoding, segments


def by_two_others(text: str) -> tuple[Count, Count]:
    """By smsutil, and by sms-toolkit."""
    encoding = "gsm7" if is_valid_gsm(text) else "ucs2"
    profile = profile_message(text)
    other = "gsm7" if profile["max_segment_size"] in (160, 153) else "ucs2"
    return (encoding, len(split(text).parts)), (other, profile["num_segments"])
