-- What the links of a minting rely on: while they are minted, by whichever control process, and after a minting was cut
-- off, the broadcast keeps this domain and as many destinations. Rows older than these columns have '' and 0.

ALTER TABLE taptrail_internal.mints ADD COLUMN IF NOT EXISTS short_domain LowCardinality(String);

ALTER TABLE taptrail_internal.mints ADD COLUMN IF NOT EXISTS destinations UInt16;
