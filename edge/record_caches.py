"""The kinds of records behind a tap, and how Redis keeps each."""

from edge.clickhouse_loader import ClickHouseLoader
from edge.memory import EdgeMemory
from edge.redis_wire import RedisClient
from edge.tiered_cache import TieredCache
from records.broadcast import Broadcast, decode_broadcast, encode_broadcast
from records.domain import Domain, decode_domain, encode_domain
from records.keys import broadcast_key, bucket_of, domain_key, field_of, folded_slug_key, slug_key
from records.link import Link, decode_link, encode_link

REFILLED_S = 7 * 86_400  # links that went back into Redis for a late tap leave it again


def _existing_domain(value: bytes) -> Domain | None:
    domain = decode_domain(value)
    return None if domain.deleted else domain


class RecordCaches:
    def __init__(self, memory: EdgeMemory, redis: RedisClient, loader: ClickHouseLoader) -> None:
        self.domains: TieredCache[str, Domain] = TieredCache(
            memory.domains, redis, loader.domains, loader.limited_domains, decode=_existing_domain,
            read=lambda name: ("GET", domain_key(name)),
            refill=lambda name, domain: [("SET", domain_key(name), encode_domain(domain), "NX")],
        )  # fmt: skip
        self.broadcasts: TieredCache[int, Broadcast] = TieredCache(
            memory.broadcasts, redis, loader.broadcasts, decode=decode_broadcast,
            read=lambda number: ("GET", broadcast_key(number)),
            refill=lambda number, broadcast: [("SET", broadcast_key(number), encode_broadcast(broadcast), "NX")],
        )  # fmt: skip
        self.slugs: TieredCache[tuple[str, str], int] = TieredCache(
            memory.slugs, redis, loader.slugs, loader.limited_slugs, decode=int,
            read=lambda key: ("GET", slug_key(*key)),
            refill=lambda key, link_id: [("SET", slug_key(*key), link_id, "NX")],
        )  # fmt: skip
        # By (short domain, slug in lower case), where only one slug of the domain fits.
        self.folded_slugs: TieredCache[tuple[str, str], int] = TieredCache(
            memory.folded_slugs, redis, loader.folded_slugs, loader.limited_folded_slugs, decode=int,
            read=lambda key: ("GET", folded_slug_key(*key)),
            refill=lambda key, link_id: [("SET", folded_slug_key(*key), link_id, "NX")],
        )  # fmt: skip
        self.links: TieredCache[int, Link] = TieredCache(
            memory.links, redis, loader.links, decode=decode_link,
            read=lambda link_id: ("HGET", bucket_of(link_id), field_of(link_id)),
            refill=lambda link_id, link: [
                ("HSET", bucket_of(link_id), field_of(link_id), encode_link(link)),
                ("EXPIRE", bucket_of(link_id), REFILLED_S, "NX"),  # what control set for the bucket stands
            ],
        )  # fmt: skip
