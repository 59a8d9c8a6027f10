-- Slugs are also looked up without regard to case. Parts from before get the index in the background.

ALTER TABLE links ADD INDEX IF NOT EXISTS by_folded_slug lower(slug) TYPE bloom_filter(0.001) GRANULARITY 4;

ALTER TABLE links MATERIALIZE INDEX by_folded_slug;
