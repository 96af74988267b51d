-- Logs are kept beside the state, in a file of their own: they are large, and they may be written with less ceremony,
-- since the host still holds the bytes until the run is recorded.

CREATE TABLE logs (
    id           INTEGER NOT NULL PRIMARY KEY,
    run_id       TEXT NOT NULL,
    step_id      TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    newlines     BIGINT NOT NULL,
    open_line    BOOLEAN NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (step_id, attempt)
);
CREATE INDEX logs_of_run ON logs (run_id);
CREATE INDEX logs_by_time ON logs (updated_at);

-- A log's bytes, exactly as received. `newlines_before` is the line index, `at` the time index.
CREATE TABLE chunks (
    id               INTEGER NOT NULL PRIMARY KEY,
    log_id           BIGINT NOT NULL REFERENCES logs (id) ON DELETE CASCADE,
    byte_offset      BIGINT NOT NULL,
    newlines_before  BIGINT NOT NULL,
    at               BIGINT NOT NULL,
    data             BLOB NOT NULL,
    UNIQUE (log_id, byte_offset)
);
CREATE INDEX chunks_by_line ON chunks (log_id, newlines_before, byte_offset);
