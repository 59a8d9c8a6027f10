-- Links to one report for people without a key, one row per write; the highest version is in force.

CREATE TABLE IF NOT EXISTS taptrail_internal.shares
(
    share_id String,
    account LowCardinality(String),
    broadcast_id String,
    digest String,                                  -- SHA-256 of what the address ends with, hex
    created_at_ms UInt64,                           -- Unix milliseconds, as the next two
    expires_at_ms UInt64,
    revoked_at_ms UInt64,                           -- 0: in force
    version UInt64,
    change Tuple(who_account String, who_key String, what String, before String, after String) CODEC(ZSTD(1)),
    INDEX by_digest digest TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (account, broadcast_id, share_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
