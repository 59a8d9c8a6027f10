-- Whether texts with links of a domain are warned of where they do not say how to opt out.

ALTER TABLE domains ADD COLUMN IF NOT EXISTS asks_opt_out Bool;
