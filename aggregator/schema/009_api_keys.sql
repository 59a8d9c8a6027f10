-- Keys that the API made, one row per write; the highest version is in force. A key itself is not in it: its digest.

CREATE TABLE IF NOT EXISTS taptrail_internal.api_keys
(
    key_id String,
    account LowCardinality(String),
    name String,
    scopes Array(LowCardinality(String)),
    digest String,                                  -- SHA-256 of the key, hex
    created_at_ms UInt64,                           -- Unix milliseconds, as the next
    revoked_at_ms UInt64,                           -- 0: in force
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY key_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
