-- The fields of a contact that the destinations of its broadcast name, such as {order}; empty where they name none.

ALTER TABLE links ADD COLUMN IF NOT EXISTS fields Map(String, String);
