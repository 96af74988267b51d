-- Bytes that came from the host. A log that holds secrets differs from what came: they are replaced before it is stored.
ALTER TABLE logs ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
UPDATE logs SET received = bytes;
