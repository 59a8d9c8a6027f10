-- What the visitor's own query said of where they came from: utm_* and click ids, of a closed list (visitors/query_marks.py).

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS query_marks Map(LowCardinality(String), String) CODEC(ZSTD(1)) AFTER referrer_host;
