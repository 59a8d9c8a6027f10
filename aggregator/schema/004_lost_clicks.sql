-- Clicks that were answered and never came: their disk was lost, and somebody has said so (taptrail close-lane); or
-- their lane is over without them, since a power cut or a full disk and memory took them before they were spooled.
-- One row a lane; it stands for nothing as soon as the lane's clicks are in `clicks` after all.

CREATE TABLE IF NOT EXISTS lost_clicks
(
    lane UInt64,
    edge_id String,
    answered UInt64,                                -- by the last report of its edge
    arrived UInt64,                                 -- when the lane was closed
    last_seen_at DateTime64(3, 'UTC'),
    closed_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(closed_at)
ORDER BY lane
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
