"""Everything a message may be warned of, by stable names. The only list of them."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """The value is the name in the API; `meaning` is what a person reads."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> "Kind":
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.meaning = meaning
        return kind

    SEVERAL_LINKS = "several-links", "the text holds several links; one is tapped more"
    LINK_INSIDE = "link-neither-first-nor-last", "a link stands neither first nor last, where it is hard to tap"
    SEVERAL_SEGMENTS = "more-than-one-segment", "each segment is paid for"
    OVER_THREE = "over-three-segments", "some carriers cut or split so long a message"
    UNICODE = "unicode-because-of", "a character outside GSM-7 leaves 70 characters of a segment, 67 in several"
    PUBLIC_SHORTENER = "public-shortener", "carriers block messages with a public shortener"
    BARE_DOMAIN = "bare-domain", "a domain without https:// is not shortened, and some apps make a link of it"
    URL_IN_FIELD = "url-in-field", "a URL in a field is sent as it is, neither shortened nor counted"
    EMPTY_FIELD = (
        "empty-field",
        "a field of the contact is there and empty, so the text or the destination has nothing in its place",
    )
    NO_OPT_OUT = "no-opt-out", "the text does not say how to opt out, such as: Reply STOP"


MEANINGS = {kind.value: kind.meaning for kind in Kind}


class Warned(msgspec.Struct, frozen=True, omit_defaults=True):
    """One warning of one message."""

    warning: Kind
    character: str = ""  # that costs the segments
    field: str = ""  # of the contact, where its value is to blame
