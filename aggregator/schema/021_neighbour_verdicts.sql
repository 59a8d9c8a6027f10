-- Verdicts that visits get by those beside them, while a mutation writes them into clicks: on disk, so that one that was
-- cut off finds them again when it goes on.

CREATE TABLE IF NOT EXISTS taptrail_internal.neighbour_verdicts
(
    run UInt64,
    lane UInt64,
    seq UInt64,
    verdict UInt16,                                 -- which of the verdicts of the run
    written_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
PARTITION BY run
ORDER BY (lane, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
