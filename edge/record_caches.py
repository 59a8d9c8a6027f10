"""The kinds of records behind a tap, and how Redis keeps each."""

from collections.abc import Callable
from typing import Any, TypeVar

from edge.batch_loader import BatchLoader
from edge.clickhouse_loader import ClickHouseLoader
from edge.link_cache import LinkCache
from edge.memory import EdgeMemory
from edge.record_memory import RecordMemory
from edge.redis_wire import RedisClient
from edge.tiered_cache import Said, TieredCache
from records.broadcast import decode_broadcast, encode_broadcast
from records.domain import Domain, decode_domain, encode_domain
from records.keys import broadcast_key, domain_key, folded_slug_key, slug_key

K = TypeVar("K")
V = TypeVar("V")


def _existing_domain(value: bytes) -> Domain | None:
    domain = decode_domain(value)
    return None if domain.deleted else domain


class RecordCaches:
    def __init__(self, memory: EdgeMemory, redis: RedisClient, loader: ClickHouseLoader) -> None:
        self.domains = _strings(
            memory.domains, redis, loader.domains, loader.limited_domains,
            key_of=domain_key, decode=_existing_domain, encode=encode_domain,
        )  # fmt: skip
        self.broadcasts = _strings(
            memory.broadcasts, redis, loader.broadcasts,
            key_of=broadcast_key, decode=decode_broadcast, encode=encode_broadcast,
        )  # fmt: skip
        self.slugs = _strings(
            memory.slugs, redis, loader.slugs, loader.limited_slugs,
            key_of=lambda key: slug_key(*key), decode=int, encode=_decimal,
        )  # fmt: skip
        # By (short domain, slug in lower case), where only one slug of the domain fits.
        self.folded_slugs = _strings(
            memory.folded_slugs, redis, loader.folded_slugs, loader.limited_folded_slugs,
            key_of=lambda key: folded_slug_key(*key), decode=int, encode=_decimal,
        )  # fmt: skip
        self.links = LinkCache(memory, redis, loader.links)


def _strings(
    memory: RecordMemory[K, V],
    redis: RedisClient,
    loader: BatchLoader[K, V],
    limited_loader: BatchLoader[K, V] | None = None,
    *,
    key_of: Callable[[K], str],
    decode: Callable[[bytes], V | None],
    encode: Callable[[V], bytes],
) -> TieredCache[K, V]:
    """Records of which each is a string of Redis. decode: None where it says that there is no such record any more."""

    def said(_: K, replies: list[Any]) -> Said[V] | None:
        (value,) = replies
        return (decode(value),) if type(value) is bytes else None

    return TieredCache(
        memory, redis, loader, limited_loader,
        read=lambda key: [("GET", key_of(key))], decode=said,
        refill=lambda key, value: [("SET", key_of(key), encode(value), "NX")],
    )  # fmt: skip


def _decimal(number: int) -> bytes:
    return str(number).encode()
