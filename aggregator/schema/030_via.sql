-- How a visitor came to the short URL, where that is known: 'qr' for one that was read from a QR code.

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS via LowCardinality(String) AFTER query_marks;
