-- Contacts that are erased. What is done stays; who it was does not.

-- One row per request. The audit: it names the contact by a keyed hash.
CREATE TABLE IF NOT EXISTS taptrail_internal.erasures
(
    erasure UInt64,                                 -- grows with the time of the request
    account LowCardinality(String),                 -- erased are its links and clicks, and those of accounts below it
    contact_hash String,                            -- keyed, hex
    links LowCardinality(String),                   -- keep: they lead on; stop: they answer that they are over
    who_account LowCardinality(String),             -- of the key that asked for it
    who_key String,                                 -- its id or name, never the key
    asked_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY erasure
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per step that is done; a step may be there twice.
CREATE TABLE IF NOT EXISTS taptrail_internal.erasure_steps
(
    erasure UInt64,
    step LowCardinality(String),                    -- begun, linked, forgotten, cleared, done
    done_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY erasure
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Who is to be erased, until it is done: the partition is dropped then. Statements read the id here, as their texts are
-- kept; on disk, so that a mutation that was cut off finds it again when it goes on.
CREATE TABLE IF NOT EXISTS taptrail_internal.erasure_names
(
    erasure UInt64,
    account String,
    contact_id String,
    secret String,                                  -- random: tokens are made of it, and nobody can make them again
    written_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY erasure
ORDER BY contact_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Links of erased contacts. Clicks on them that come later are erased as they arrive.
CREATE TABLE IF NOT EXISTS taptrail_internal.erased_links
(
    link_id UInt64,
    token String,                                   -- stands for the contact in this broadcast
    stopped Bool,
    erasure UInt64,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY link_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
