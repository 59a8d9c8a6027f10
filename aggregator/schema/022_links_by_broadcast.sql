-- Reports and views ask for links by broadcast_id, and read those of one broadcast alone. Parts from before get the index
-- in the background.

ALTER TABLE links ADD INDEX IF NOT EXISTS by_broadcast_id broadcast_id TYPE set(16) GRANULARITY 1;

ALTER TABLE links MATERIALIZE INDEX by_broadcast_id;
