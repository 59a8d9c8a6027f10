-- What a domain answers at /robots.txt; '' keeps every crawler out.

ALTER TABLE domains ADD COLUMN IF NOT EXISTS robots String;
