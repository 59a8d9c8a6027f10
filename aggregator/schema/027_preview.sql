-- What apps show of a link in place of its destination: title, description, image. Whoever draws such a preview gets it in a
-- page, and the row says 200. Nothing else that becomes a row is answered so.

ALTER TABLE domains ADD COLUMN IF NOT EXISTS preview Map(String, String);

ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS preview Map(String, String);

-- As in 023, but for previews: without them here, a broadcast with a preview would seem to have none drawn.
ALTER TABLE clicks MODIFY COLUMN counted Bool ALIAS
    status BETWEEN 200 AND 399 AND refusal = '' AND purpose != 'own-verify' AND NOT is_canary;
