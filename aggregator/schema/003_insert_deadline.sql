-- An INSERT names the second before which it takes effect, so that one which the network brings late cannot double what
-- was inserted in its stead. The server's clock is asked in the same breath as the rows go to the disk: once all of the
-- body was read (blocks are gathered before what a column list leaves out is computed), before the part is written.
-- 0, or no such column in the INSERT, sets no deadline. Seconds, because nowInBlock64 is young.

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS insert_before DateTime('UTC') EPHEMERAL;

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS inserted_at DateTime('UTC') MATERIALIZED
    nowInBlock('UTC') + throwIf(insert_before != 0 AND nowInBlock('UTC') >= insert_before, 'this insert is too late')
    CODEC(Delta, ZSTD(1));

ALTER TABLE dead_clicks ADD COLUMN IF NOT EXISTS insert_before DateTime('UTC') EPHEMERAL;

ALTER TABLE dead_clicks ADD COLUMN IF NOT EXISTS inserted_at DateTime('UTC') MATERIALIZED
    nowInBlock('UTC') + throwIf(insert_before != 0 AND nowInBlock('UTC') >= insert_before, 'this insert is too late');
