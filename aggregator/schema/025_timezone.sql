-- The zone in which the report of a broadcast says hours. A release that does not know it writes rows without.

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS timezone LowCardinality(String) DEFAULT 'UTC';
