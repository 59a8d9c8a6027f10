-- Which change put the destination of a tap in force: `version` in the view `changes`; 0 is 1 from
-- an edge that does not know it. A tap then counts for the destination that it was sent to, also after a fix. `rule` is for what chose it.

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS destination_versions Array(UInt32);

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS destination_version UInt32 CODEC(ZSTD(1)) AFTER destination_index;

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS rule LowCardinality(String) AFTER destination_version;
