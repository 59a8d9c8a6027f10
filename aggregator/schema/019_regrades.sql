-- Visits that are judged again, as `taptrail regrade` does when the rules have changed.

-- One row before and one after each run that changed clicks, or found nothing to change.
CREATE TABLE IF NOT EXISTS taptrail_internal.regrades
(
    run UInt64,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3),
    state LowCardinality(String),                   -- begun, done; begun alone: it was killed, or goes on
    broadcast_id String,                            -- judged were its rows; '' for those of all
    since DateTime64(3, 'UTC'),                     -- judged were rows from then on; 1970 for all
    classifier_version UInt16,                      -- that judges now
    former_versions Array(UInt16),                  -- that had judged these rows
    judged UInt64,                                  -- different evidence
    rows UInt64,                                    -- that it changes, some of them in their reasons alone
    changes Array(Tuple(broadcast_id String, old String, new String, rows UInt64))  -- of their class
)
ENGINE = MergeTree
ORDER BY (run, written_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The verdicts that differ, while a run writes them into clicks. A mutation that was cut off reads them again when it
-- goes on: they are on disk, and stay until it is done.
CREATE TABLE IF NOT EXISTS taptrail_internal.regrade_map
(
    run UInt64,
    chunk UInt32,                                   -- of one statement
    evidence UInt64,                                -- hash of evidence and former verdict, with the run as its key
    visit_class LowCardinality(String),
    class_reasons Array(LowCardinality(String)),
    written_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY run
ORDER BY (chunk, evidence)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
