-- A broadcast that is archived is left out of lists; its links live on. One that is deleted had no link.

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS archived Bool;

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS deleted Bool;
