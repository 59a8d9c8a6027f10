-- The part of one INSERT is one file, not one or two for each of 60 columns: every file is written and synced before the
-- INSERT is confirmed. 128 MiB uncompressed are some 300,000 rows; larger parts, merged of these, are wide as before.

ALTER TABLE clicks MODIFY SETTING min_bytes_for_wide_part = 134217728;
