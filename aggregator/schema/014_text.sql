-- The message that the links of a broadcast are sent in: a template with {fields}; '' for none.

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS text String;
