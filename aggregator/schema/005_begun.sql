-- Has a row from before the first INSERT of clicks that there ever was: as long as it has none, no aggregator can be
-- inserting, and a new one need not wait for others that its Redis does not know.

CREATE TABLE IF NOT EXISTS taptrail_internal.begun
(
    owner String,                                   -- the aggregator
    began_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY began_at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
