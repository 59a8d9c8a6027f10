-- Canaries are links that nobody asked for: what taps them is a machine, or a person who tries them. They are known by a
-- contact_id that begins with `canary:`, which no list of contacts may have: the tap of a canary costs the edge and the
-- pipeline what every tap costs.

ALTER TABLE links ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT
    multiIf(contact_id = '', 'shared', startsWith(contact_id, 'canary:'), 'canary', 'personal');

-- In place of per_broadcast. Parts from before get it in the background, as the one below.
ALTER TABLE links ADD PROJECTION IF NOT EXISTS per_kind
(
    SELECT broadcast_no, account, broadcast_id, kind, audience, destination_index, keyword, count(), uniq(contact_id)
    GROUP BY broadcast_no, account, broadcast_id, kind, audience, destination_index, keyword
);

ALTER TABLE links MATERIALIZE PROJECTION per_kind;

ALTER TABLE links DROP PROJECTION IF EXISTS per_broadcast;

-- Kept beside the row: a report would read all contact ids otherwise.
ALTER TABLE clicks ADD COLUMN IF NOT EXISTS is_canary Bool MATERIALIZED startsWith(contact_id, 'canary:');

-- `counted` and `engaged` as in 017, but for canaries.
ALTER TABLE clicks MODIFY COLUMN counted Bool ALIAS
    status BETWEEN 300 AND 399 AND refusal = '' AND purpose != 'own-verify' AND NOT is_canary;

ALTER TABLE clicks MODIFY COLUMN engaged Bool ALIAS
    visit_class = 'human' AND status BETWEEN 300 AND 399 AND refusal = '' AND NOT is_canary;

-- In place of by_hour.
ALTER TABLE clicks ADD PROJECTION IF NOT EXISTS hourly
(
    SELECT account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
        destination_index, status, refusal, is_canary, count(), uniqCombined64If(12)(contact_id, contact_id != '')
    GROUP BY account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
        destination_index, status, refusal, is_canary
);

ALTER TABLE clicks MATERIALIZE PROJECTION hourly;

ALTER TABLE clicks DROP PROJECTION IF EXISTS by_hour;
