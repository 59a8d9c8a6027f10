-- A domain that was deleted is nobody's: the row in force says so, so that no older one comes back.

ALTER TABLE domains ADD COLUMN IF NOT EXISTS deleted Bool;
