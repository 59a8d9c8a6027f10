-- Links, broadcasts and domains: the store of record. Clicks: one row per answered visit of a known link.

CREATE TABLE IF NOT EXISTS links
(
    link_id UInt64 CODEC(Delta, ZSTD(1)),
    account LowCardinality(String),
    code String CODEC(ZSTD(1)),                     -- as in the short URL: the sealed code or the slug
    short_domain LowCardinality(String),
    broadcast_no UInt64 CODEC(Delta, ZSTD(1)),
    broadcast_id String CODEC(ZSTD(1)),
    contact_id String CODEC(ZSTD(1)),               -- '' for a shared link
    audience LowCardinality(String),
    audience_no UInt32 CODEC(ZSTD(1)),
    keyword LowCardinality(String),
    destination_index UInt16 CODEC(ZSTD(1)),
    slug String CODEC(ZSTD(1)),
    minted_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX by_slug slug TYPE bloom_filter(0.001) GRANULARITY 4,
    INDEX by_broadcast broadcast_no TYPE minmax GRANULARITY 1,
    PROJECTION per_broadcast
    (
        SELECT broadcast_no, account, broadcast_id, audience, destination_index, keyword, count(), uniq(contact_id)
        GROUP BY broadcast_no, account, broadcast_id, audience, destination_index, keyword
    )
)
ENGINE = MergeTree
ORDER BY link_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024,
    lightweight_mutation_projection_mode = 'rebuild';

-- One row per minting request: the ids it was given, so that a repeated request gives the same links.
CREATE TABLE IF NOT EXISTS taptrail_internal.mints
(
    account LowCardinality(String),
    broadcast_no UInt64,
    idempotency_key String,
    body_hash String,                               -- hex; another body under the same key is refused
    first_link_id UInt64,
    links UInt64,
    minted_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (broadcast_no, idempotency_key, first_link_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per write; the highest version of a broadcast is in force (view broadcasts_now).
CREATE TABLE IF NOT EXISTS broadcasts
(
    broadcast_no UInt64,
    account LowCardinality(String),
    broadcast_id String,
    short_domain LowCardinality(String),
    destinations Array(String),
    source LowCardinality(String),
    keyword LowCardinality(String),
    valid_from_ms UInt64,                           -- Unix milliseconds, 0 for none, as the next two
    expires_at_ms UInt64,
    status UInt16,                                  -- 0 takes the domain's
    forward_query Bool,
    fallback String,
    stopped Bool,
    sent_at_ms UInt64,
    audiences Array(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (account, broadcast_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS domains
(
    short_domain String,
    account LowCardinality(String),
    display_name String,
    home String,
    not_found String,
    expired String,
    status UInt16,
    app_links Map(String, String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY short_domain
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS clicks
(
    lane UInt64 CODEC(ZSTD(1)),                     -- one run of one edge process
    seq UInt64 CODEC(Delta, ZSTD(1)),               -- 1, 2, 3, ... within the lane; (lane, seq) is unique
    account LowCardinality(String),
    click_id UUID,
    clicked_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    short_domain LowCardinality(String),
    link_id UInt64 CODEC(ZSTD(1)),
    code String CODEC(ZSTD(1)),
    broadcast_id String CODEC(ZSTD(1)),
    broadcast_no UInt64 CODEC(ZSTD(1)),
    contact_id String CODEC(ZSTD(1)),
    audience LowCardinality(String),
    keyword LowCardinality(String),
    source LowCardinality(String),
    destination String CODEC(ZSTD(1)),
    destination_index UInt16 CODEC(ZSTD(1)),
    status UInt16 CODEC(ZSTD(1)),
    method LowCardinality(String),
    visit_class Enum8('unknown' = 0, 'human' = 1, 'preview' = 2, 'prefetch' = 3, 'scanner' = 4, 'bot' = 5),
    class_reasons Array(LowCardinality(String)),
    classifier_version UInt16,
    visitor_id UInt64 CODEC(ZSTD(1)),
    device_type LowCardinality(String),
    device_brand LowCardinality(String),
    device_model LowCardinality(String),
    os LowCardinality(String),
    os_version LowCardinality(String),
    browser LowCardinality(String),
    browser_version LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    city LowCardinality(String),
    asn UInt32 CODEC(ZSTD(1)),
    as_org LowCardinality(String),
    language LowCardinality(String),
    referrer_host LowCardinality(String),
    ip_prefix String CODEC(ZSTD(1)),                -- the /24 or /48 of the visitor, never the address
    user_agent String CODEC(ZSTD(1)),
    accept LowCardinality(String),                  -- evidence to judge the visit again, as the next three
    purpose LowCardinality(String),
    sec_fetch LowCardinality(String),
    sec_ch_ua String CODEC(ZSTD(1)),
    edge_id LowCardinality(String),
    PROJECTION per_lane (SELECT lane, min(seq), max(seq), count() GROUP BY lane),
    PROJECTION per_hour
    (
        SELECT account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
            destination_index, status, count(), uniqCombined64(12)(contact_id)
        GROUP BY account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
            destination_index, status
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(clicked_at)
ORDER BY (account, broadcast_id, link_id, clicked_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0,
    lightweight_mutation_projection_mode = 'rebuild';

-- Clicks that did not decode, with what there is of them. They count in the ledger.
CREATE TABLE IF NOT EXISTS dead_clicks
(
    lane UInt64,
    seq UInt64,
    reason String,
    payload String,                                 -- base64
    received_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (lane, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Lanes that have ended and are wholly in the tables above, with the last seq they reached.
CREATE TABLE IF NOT EXISTS taptrail_internal.ended_lanes
(
    lane UInt64,
    edge_id String,
    last_seq UInt64,
    ended_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY lane
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
