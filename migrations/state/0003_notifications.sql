-- What is to be told of runs, and to whom: written together with what it tells, removed from nowhere, sent by whichever
-- process is there. `channel` is the place in the plan's list of who is told.
CREATE TABLE notifications (
    id          TEXT NOT NULL PRIMARY KEY,
    run_id      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    channel     BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    event       TEXT NOT NULL CHECK (event IN ('started', 'failed', 'completed', 'recovered', 'stopped')),
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'failed')),
    attempts    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    holder      TEXT NOT NULL,
    problem     TEXT,
    created_at  BIGINT NOT NULL,
    UNIQUE (run_id, channel, event)
);
CREATE INDEX notifications_open ON notifications (state) WHERE state IN ('pending', 'sending');
