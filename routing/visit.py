"""One HTTP request for a code."""

import msgspec

NO_ADDRESS = bytes(16)


class Visit(msgspec.Struct, frozen=True, gc=False):
    """What is needed of a request to answer and to record it."""

    short_domain: str  # from Host: lower case, no port, no trailing dot
    code: str  # "" for a path that cannot be a code
    query: str = ""
    method: str = "GET"
    address: bytes = NO_ADDRESS  # 16 bytes, IPv4 as IPv4-mapped IPv6
    user_agent: str = ""
    referrer: str = ""  # "//" and the host
    accept: str = ""
    accept_language: str = ""
    purpose: str = ""
    sec_fetch: str = ""
    sec_ch_ua: str = ""
