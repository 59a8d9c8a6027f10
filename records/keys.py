"""Every Redis key and stream name, in one place: written and read by one grammar. All begin with "tt:"."""

import re

import msgspec

BLOCK_BITS = 6
BLOCK_SIZE = 1 << BLOCK_BITS  # links in one value (link_block.py)
PLACE_MASK = BLOCK_SIZE - 1  # the bits of a link id that say its place there
BUCKET_BITS = 7
BUCKET_SIZE = 1 << BUCKET_BITS  # links in one hash, as earlier releases kept them

AGGREGATORS = "tt:aggregators"  # sorted set: aggregator -> when it last said that it lives, by the clock of Redis
ALLOCATED = "tt:allocated"  # number of link ids given out: ids below it were issued
BROADCASTS = "tt:broadcasts"  # number of broadcast numbers given out
CACHE_VERSION = "tt:cache_version"  # highest version of a broadcast or domain known to be in the cache
KEY_NEWS = "tt:key_news"  # hash: "version" -> differs after every change of an API key; key id -> when it was revoked
KNOWN_EPOCH = (
    "tt:known_run"  # which run of Redis aggregators know, and since when until it is confirmed (redis_epoch.py)
)
LANES = "tt:lanes"  # hash: lane -> LaneReport (lane_registry.py), written by edges every second
WRITERS = "tt:owners"  # hash: lane -> the aggregator that wrote for it last
WATERMARKS = "tt:watermarks"  # hash: lane -> last seq up to which every click is in ClickHouse

_NUMBER = re.compile(r"[0-9]{1,20}\Z")
_BROADCAST, _DOMAIN, _SLUG, _FOLDED_SLUG, _ERASED = "tt:b:", "tt:d:", "tt:v:", "tt:vf:", "tt:e:"
# What edges keep in memory and must hear of when it changes (CLIENT TRACKING ... BCAST PREFIX); parse_key reads these.
TRACKED_PREFIXES = (_BROADCAST, _DOMAIN, _SLUG, _ERASED, ALLOCATED)

GROUP = "aggregator"  # consumer group of every click stream
ENTRY_FIELD = b"f"  # field of a click stream entry that carries frames


class BroadcastKey(msgspec.Struct, frozen=True):
    broadcast_no: int


class DomainKey(msgspec.Struct, frozen=True):
    short_domain: str


class SlugKey(msgspec.Struct, frozen=True):
    short_domain: str
    slug: str


class ErasedKey(msgspec.Struct, frozen=True):
    """A link whose contact was erased."""

    link_id: int


class AllocatedKey(msgspec.Struct, frozen=True):
    """The counter of link ids."""


TrackedKey = BroadcastKey | DomainKey | SlugKey | ErasedKey | AllocatedKey


def parse_key(key: str) -> TrackedKey | None:
    """What a key under one of TRACKED_PREFIXES names; None for one that no function below makes."""
    if key == ALLOCATED:
        return AllocatedKey()
    if key.startswith(_BROADCAST):
        number = key.removeprefix(_BROADCAST)
        return BroadcastKey(int(number)) if _NUMBER.match(number) else None
    if key.startswith(_ERASED):
        number = key.removeprefix(_ERASED)
        return ErasedKey(int(number)) if _NUMBER.match(number) else None
    if key.startswith(_DOMAIN):
        return DomainKey(key.removeprefix(_DOMAIN))
    if key.startswith(_SLUG):
        short_domain, colon, slug = key.removeprefix(_SLUG).rpartition(":")
        return SlugKey(short_domain, slug) if colon else None
    return None


def block_key(number: int) -> str:
    """Keeps the link ids whose upper bits, link_id >> BLOCK_BITS, are this number."""
    return f"tt:k:{number}"


def large_link_key(link_id: int) -> str:
    """Keeps a link that is too large for its block."""
    return f"tt:ll:{link_id}"


def bucket_of(link_id: int) -> str:
    """Hash of this link and its 127 neighbours, as earlier releases kept them; the field is field_of(link_id)."""
    return f"tt:l:{link_id >> BUCKET_BITS}"


def field_of(link_id: int) -> int:
    return link_id & (BUCKET_SIZE - 1)


def broadcast_key(broadcast_no: int) -> str:
    return f"{_BROADCAST}{broadcast_no}"


def domain_key(short_domain: str) -> str:
    return f"{_DOMAIN}{short_domain}"


def slug_key(short_domain: str, slug: str) -> str:
    """Holds the link id, in decimal."""
    return f"{_SLUG}{short_domain}:{slug}"


def folded_slug_key(short_domain: str, folded: str) -> str:
    """Holds the link id of the only slug of the domain that is this one in lower case. Edges hear of slug_key alone."""
    return f"{_FOLDED_SLUG}{short_domain}:{folded}"


def erased_key(link_id: int) -> str:
    """Written for moments, so that edges hear of it."""
    return f"{_ERASED}{link_id}"


def click_stream(lane: int) -> str:
    """Stream of one lane's clicks; the id of an entry is <seq of its last click>-0."""
    return f"tt:clicks:{lane_name(lane)}"


def lease_key(lane: int) -> str:
    """Holds the aggregator that owns the lane, with an expiry."""
    return f"tt:lease:{lane_name(lane)}"


def lock_key(name: str) -> str:
    """Held for moments by the control process that writes the thing named."""
    return f"tt:lock:{name}"


def lane_name(lane: int) -> str:
    """A lane as people and Redis see it: 16 hex digits."""
    return f"{lane:016x}"


def session_key(digest: str) -> str:
    """Holds which key a browser signed in by, with an expiry; the digest is of the id in its cookie."""
    return f"tt:session:{digest}"


def salt_key(day: str) -> str:
    """Holds the salt of one UTC day's visitor ids (YYYY-MM-DD), with an expiry; kept nowhere else."""
    return f"tt:salt:{day}"
