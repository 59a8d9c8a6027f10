-- A visit of a link that is over or not open yet may be redirected too, to the fallback or to the domain's page for
-- expired links. Such a row says why in `refusal`; engagement is people who were sent where the link leads, so the
-- views leave it out. Rows older than this column have '' and count as before.

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS refusal LowCardinality(String) AFTER status;

-- In place of per_hour. Parts from before get it in the background; until then they are read row by row.
ALTER TABLE clicks ADD PROJECTION IF NOT EXISTS by_hour
(
    SELECT account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
        destination_index, status, refusal, count(), uniqCombined64If(12)(contact_id, contact_id != '')
    GROUP BY account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
        destination_index, status, refusal
);

ALTER TABLE clicks MATERIALIZE PROJECTION by_hour;

ALTER TABLE clicks DROP PROJECTION IF EXISTS per_hour;
