-- Who changed what of a broadcast, domain, shared link or key. Each row of those carries the change that made it, in one
-- INSERT with it; control copies it to change_log, where it stays when a newer row replaces that one. The view `changes`
-- numbers the copies. Rows older than this column, and rows that nobody changed anything by, carry none ('').

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS change
    Tuple(who_account String, who_key String, what String, before String, after String) CODEC(ZSTD(1));

ALTER TABLE domains ADD COLUMN IF NOT EXISTS change
    Tuple(who_account String, who_key String, what String, before String, after String) CODEC(ZSTD(1));

ALTER TABLE taptrail_internal.api_keys ADD COLUMN IF NOT EXISTS change
    Tuple(who_account String, who_key String, what String, before String, after String) CODEC(ZSTD(1));

CREATE TABLE IF NOT EXISTS change_log
(
    kind LowCardinality(String),                    -- broadcast, domain, link, key
    account LowCardinality(String),                 -- whose it is
    name String,
    written UInt64,                                 -- version of the row that carried it: Unix milliseconds
    who_account LowCardinality(String),             -- of the key that it was changed with
    who_key String,                                 -- its id or name, never the key
    what LowCardinality(String),                    -- created, changed, deleted; recorded, withdrawn, rolled back
    before String CODEC(ZSTD(1)),                   -- JSON of the fields that were changed; '' where there was nothing
    after String CODEC(ZSTD(1))                     -- the same; '' where nothing is left
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, account, name, written)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
