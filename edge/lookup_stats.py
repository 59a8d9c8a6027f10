"""What look-ups of links asked for and took, in plain integers."""

from runtime.histogram import POWERS, SECONDS, Histogram


class LookupStats:
    """One of an edge process; memory, redis and failed count links by the tier that answered."""

    def __init__(self) -> None:
        self.memory = self.redis = self.failed = 0
        self.walks = 0  # look-ups of more than one step
        self.batch_links = Histogram(POWERS)  # links asked of Redis in one round trip
        self.query_seconds = Histogram(SECONDS)  # one query to ClickHouse, of any kind of record
        self.query_keys = Histogram(POWERS)
