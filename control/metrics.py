"""Every metric of the control process; above each, what the operator does about it."""

from prometheus_client import Counter, Gauge, Histogram

from runtime.metrics import registry_of

REGISTRY = registry_of("control")

# status 5xx: a store is away, see the log. 499: clients hung up before they had the whole answer. Many 401: a wrong or
# withdrawn key, or somebody is guessing.
REQUESTS = Counter("taptrail_control_requests", "Calls answered", ["method", "route", "status"], registry=REGISTRY)
# Rises with the size of bulk requests; for the others more than a second means ClickHouse is slow.
SECONDS = Histogram(
    "taptrail_control_request_seconds",
    "Time from the request to the first byte of its answer",
    ["method", "route"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
# Links durable in ClickHouse. Nothing to do.
LINKS_MINTED = Counter("taptrail_links_minted", "Links written to ClickHouse", registry=REGISTRY)
# Links that edges find in ClickHouse alone. Look at Redis: down, or out of memory.
UNCACHED_LINKS = Counter("taptrail_links_uncached", "Links minted that Redis did not take", registry=REGISTRY)
# Above 0: a change is recorded and not yet in force on the edges. Mend Redis; the change follows by itself.
DIRTY_RECORDS = Gauge("taptrail_control_dirty_records", "Changes that wait for Redis", registry=REGISTRY)
# Any: Redis was started again, lost its data or was replaced by an older copy. Edges go on; find out why.
RESYNCS = Counter("taptrail_control_resyncs", "Times the cache was rebuilt from ClickHouse", registry=REGISTRY)
# Any: two claims of link ids overlapped because Redis was wiped in between. One was given up; nothing to do.
CLAIMS_GIVEN_UP = Counter("taptrail_claims_given_up", "Claims of link ids given up", registry=REGISTRY)
