-- How the pages of a domain look: color, logo, language.

ALTER TABLE domains ADD COLUMN IF NOT EXISTS page Map(String, String);
