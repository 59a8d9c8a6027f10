-- Contacts that are kept for some months only (TAPTRAIL_KEEP_CONTACTS_MONTHS): they are erased, all that are due at once.

-- One row per step of a run that is done; a step may be there twice.
CREATE TABLE IF NOT EXISTS taptrail_internal.expiries
(
    until_link UInt64,                              -- links with lower ids are old enough
    step LowCardinality(String),                    -- begun, linked, done
    done_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY until_link
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What the tokens of a run are made of, until it is done: the partition is dropped then.
CREATE TABLE IF NOT EXISTS taptrail_internal.expiry_secrets
(
    until_link UInt64,
    secret String,                                  -- random; the first one counts
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
PARTITION BY until_link
ORDER BY written_at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
