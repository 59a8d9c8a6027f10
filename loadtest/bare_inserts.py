"""How fast ClickHouse takes batches as the aggregator makes them, sent one after another by a sender that does nothing
else: what an aggregator with one INSERT under way reaches at most.
"""

import time
from itertools import islice

from aggregator.decode import decode
from aggregator.enrich import Enricher
from aggregator.rows import INSERT_CLICKS, arrow_stream
from loadtest.traffic import NOW_MS, Traffic
from records.address import AddressCipher
from runtime.clickhouse import ClickHouse
from visitors.devices import Devices
from visitors.geo import Geo

BATCHES, ENTRIES = 8, 256  # the aggregator reads so many entries at once
TIMES = 3  # each, so that parts are merged meanwhile


async def bare_insert_s(clickhouse: ClickHouse, cipher: AddressCipher, geo: Geo) -> float:
    """Seconds a click by the clock, of the INSERTs alone; the table `clicks` is empty before and after."""
    enricher = Enricher(cipher, Devices(), geo)
    entries = Traffic(cipher).entries(1, 10**9)
    batches = [decode(islice(entries, ENTRIES), {}).clicks for _ in range(BATCHES)]
    salts = dict.fromkeys(batches[0].days(), bytes(16))
    bodies = [arrow_stream(clicks, enricher.enrich(clicks, salts), NOW_MS) for clicks in batches]
    started = time.perf_counter()
    for body in bodies * TIMES:
        await clickhouse.insert(INSERT_CLICKS, body)
    spent_s = time.perf_counter() - started
    await clickhouse.execute("TRUNCATE TABLE clicks")
    return spent_s / sum(map(len, batches)) / TIMES
