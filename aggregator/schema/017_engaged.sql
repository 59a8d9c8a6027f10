-- The one rule of what a row counts as. Computed when they are read, so that they stay true when visits are judged again.
-- `counted`: a visit, by anybody, that was sent where the link leads, and that verification did not ask.
-- `engaged`: such a visit by a person. Verification's visits are never judged human (visitors/classify.py): without
-- `purpose` in it, the projection by_hour answers it too.

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS counted Bool ALIAS
    status BETWEEN 300 AND 399 AND refusal = '' AND purpose != 'own-verify';

ALTER TABLE clicks ADD COLUMN IF NOT EXISTS engaged Bool ALIAS
    visit_class = 'human' AND status BETWEEN 300 AND 399 AND refusal = '';
