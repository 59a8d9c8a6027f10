"""A query -> the marks in it by which advertisers know where a visitor came from. Pure.

Of a query nothing else is kept: it may hold whatever a visitor or an app put there.
"""

import re
from urllib.parse import unquote_to_bytes

from visitors.cut import cut

# What the vendors' own pages call them, in that letter case: for them another one is another name.
MARKS = frozenset(
    {
        # https://support.google.com/analytics/answer/10917952
        *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"),
        "gclid",  # https://support.google.com/google-ads/answer/1752125
        *("gbraid", "wbraid"),  # https://developers.google.com/google-ads/api/docs/conversions/upload-clicks
        "dclid",  # https://support.google.com/campaignmanager/answer/9182069
        "fbclid",  # https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc
        "msclkid",  # https://help.ads.microsoft.com/apex/index/3/en/60125
        "ttclid",  # https://ads.tiktok.com/help/article/tiktok-click-id
        "twclid",  # https://docs.x.com/x-ads-api/measurement/web-conversions
        "li_fat_id",  # https://learn.microsoft.com/linkedin/marketing/integrations/ads-reporting/conversion-tracking
    }
)
MAX_MARK_BYTES = 512  # of UTF-8; the longest that a vendor names has 100 characters
MAX_PARAMETERS = 100  # of a query are looked at
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def marks_in(query: str) -> dict[str, str] | None:
    """The known parameters of a query by their names, None where it has none. Of a repeated one the first counts.

    query: its bytes as Latin-1. Percent-encoding is undone; what is no UTF-8 or a control character is replaced.
    """
    marks: dict[str, str] = {}
    for parameter in query.encode("latin-1").split(b"&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        raw_name, _, raw_value = parameter.partition(b"=")
        name = _text(raw_name)
        if name in MARKS and raw_value:
            marks.setdefault(name, _text(raw_value))
    return marks or None


def _text(raw: bytes) -> str:
    """At most MAX_MARK_BYTES of what was percent-encoded. Three bytes may stand for one; the cut drops torn ends."""
    text = unquote_to_bytes(raw[: 3 * (MAX_MARK_BYTES + 4)].replace(b"+", b" ")).decode("utf-8", "replace")
    return cut(_CONTROL.sub(_REPLACED, text), MAX_MARK_BYTES)
