"""One aggregator, put together from its stores."""

import asyncio

from redis.asyncio import Redis

from aggregator.click_stream import RedisClickStream
from aggregator.insert import INSERT_WITHIN_S, Inserter
from aggregator.insert_server import ClickHouseInsertServer
from aggregator.insertable import RowMaker
from aggregator.intake import Intake
from aggregator.lane_tables import ClickHouseLaneTables
from aggregator.lease_store import RedisLeaseStore
from aggregator.leases import LEASE_S, Leases
from aggregator.pipeline import Pipeline
from aggregator.redis_epoch import RedisEpochs
from aggregator.stores import AggregatorStores
from aggregator.takeover import Takeover
from aggregator.upkeep import UPKEEP_EVERY_S, Upkeep
from runtime.clickhouse import ClickHouse
from runtime.clock import Clock


class Aggregator:
    """owner: a name that no other process has, and that the stores speak in."""

    def __init__(
        self,
        stores: AggregatorStores,
        row_maker: RowMaker,
        clock: Clock,
        owner: str,
        *,
        insert_within_s: float = INSERT_WITHIN_S,
        upkeep_every_s: float = UPKEEP_EVERY_S,
    ) -> None:
        self._stopping = asyncio.Event()
        self.stores, self.owner = stores, owner
        self.leases = Leases(stores.leases, clock)
        self.inserter = Inserter(stores, self.leases, clock, owner, insert_within_s)
        self.takeover = Takeover(stores, self.leases, self.inserter, clock, self._stopping)
        self.upkeep = Upkeep(stores, self.leases, self.takeover, clock, upkeep_every_s)
        intake = Intake(stores.stream, row_maker, clock)
        self.pipeline = Pipeline(
            stores, self.leases, self.upkeep, self.takeover, intake, self.inserter, clock, self._stopping
        )

    def stop(self) -> None:
        """Finish the batch in hand, give the lanes back, then return from pipeline.run()."""
        self._stopping.set()


def stores_in(redis: Redis, clickhouse: ClickHouse, owner: str) -> AggregatorStores:
    """What an aggregator of this name asks of Redis and ClickHouse."""
    return AggregatorStores(
        RedisClickStream(redis),
        RedisLeaseStore(redis, owner, LEASE_S),
        RedisEpochs(redis, owner),
        ClickHouseLaneTables(clickhouse, owner),
        ClickHouseInsertServer(clickhouse),
    )
