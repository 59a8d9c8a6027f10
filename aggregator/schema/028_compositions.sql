-- What the messages of each request came to: the messages themselves are kept nowhere. A request that is sent again is one
-- row in the end. It names no contact.

CREATE TABLE IF NOT EXISTS compositions
(
    account LowCardinality(String),
    broadcast_no UInt64,
    broadcast_id String,
    request String,                                 -- first link id and time of its claim
    composed_at DateTime64(3, 'UTC'),
    messages UInt64,
    segments UInt64,                                -- of all messages
    by_segments Map(UInt16, UInt64),                -- messages of each number of segments
    by_warning Map(LowCardinality(String), UInt64)  -- messages that each warning is about
)
ENGINE = ReplacingMergeTree(composed_at)
ORDER BY (account, broadcast_id, broadcast_no, request)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
