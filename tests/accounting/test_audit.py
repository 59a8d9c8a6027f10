import time

from prometheus_client import CollectorRegistry

from aggregator.auditor import Auditor
from aggregator.enrich import Enricher
from aggregator.erasures import Erasures
from aggregator.geo_files import GeoFiles
from aggregator.metrics import AggregatorCollector, Beside
from aggregator.neighbours import Neighbours
from aggregator.scans_seen import ScansSeen
from records.address import AddressCipher
from records.keys import LANES, WATERMARKS, lane_name
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.clicks import CODE_KEY
from visitors.devices import Devices
from visitors.geo import Geo

ENRICHER = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())


async def test_what_is_missing_or_doubled_shows_in_the_metrics(redis, clickhouse):
    aggregator, auditor = Aggregator(redis, clickhouse), Auditor(redis, clickhouse)
    registry = CollectorRegistry()
    neighbours = Neighbours(clickhouse, ScansSeen(), time.time)
    beside = Beside(auditor, neighbours, ENRICHER, GeoFiles("", ""), Erasures(clickhouse, redis))
    registry.register(AggregatorCollector(aggregator, beside))
    await register(redis)
    await add(redis, 1, 5)
    await aggregator.move_all()

    await auditor.audit()
    assert shown(registry) == {"ledger_gap": 0, "audit_missing": 0, "audit_doubled": 0, "audit_lanes": 1}

    await redis.hset(WATERMARKS, lane_name(LANE), 7)
    await clickhouse.execute(
        f"INSERT INTO clicks (lane, seq, clicked_at) VALUES ({LANE}, 8, now()), ({LANE}, 8, now())"
    )

    await auditor.audit()
    assert shown(registry) == {"ledger_gap": 3, "audit_missing": 2, "audit_doubled": 1, "audit_lanes": 1}


async def test_entries_among_the_lanes_that_no_edge_wrote_are_left_alone(redis, clickhouse):
    aggregator, auditor = Aggregator(redis, clickhouse), Auditor(redis, clickhouse)
    await register(redis)
    state = await redis.hget(LANES, lane_name(LANE))
    for name in ("notes", "", "-1", "0x12", "1" * 17, b"\xff" * 16):
        await redis.hset(LANES, name, state)
        await redis.hset(WATERMARKS, name, 3)
    await redis.hset(LANES, lane_name(7), "junk")
    await redis.hset(WATERMARKS, lane_name(7), "junk")
    await add(redis, 1, 5)

    await aggregator.move_all()
    audit = await auditor.audit()

    assert (audit.lanes, audit.rows, audit.wrong) == (2, 5, 0)
    assert list(aggregator.leases.reports) == [LANE]


def shown(registry):
    names = ("ledger_gap", "audit_missing", "audit_doubled", "audit_lanes")
    return {name: registry.get_sample_value(f"taptrail_{name}") for name in names}
