-- Times are milliseconds since 1970-01-01 UTC. Identifiers are UUIDs in their hyphenated form. Columns named
-- *_json hold one JSON document each.

CREATE TABLE projects (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    practice    BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL
);

-- A plan's revisions, immutable; the one with the largest position is current.
CREATE TABLE plan_revisions (
    project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    sha256      TEXT NOT NULL,
    source      TEXT NOT NULL,
    saved_at    BIGINT NOT NULL,
    note        TEXT NOT NULL,
    PRIMARY KEY (project_id, position)
);

CREATE TABLE runs (
    id               TEXT NOT NULL PRIMARY KEY,
    project_id       TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number           BIGINT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('started', 'in_progress', 'paused', 'completed', 'failed', 'stopped')),
    desired          TEXT NOT NULL CHECK (desired IN ('running', 'paused', 'stopped')),
    hindrance_json   TEXT,
    trigger_kind     TEXT NOT NULL,
    started_by       TEXT NOT NULL,
    plan_sha256      TEXT NOT NULL,
    rendered_sha256  TEXT NOT NULL,
    compiled_json    TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    ended_at         BIGINT,
    seq              BIGINT NOT NULL,
    owner            TEXT,
    lease_until      BIGINT NOT NULL,
    explained        BOOLEAN NOT NULL,
    tidied           BOOLEAN NOT NULL,
    UNIQUE (project_id, number)
);
CREATE INDEX runs_unfinished ON runs (state) WHERE state IN ('started', 'in_progress', 'paused');
-- A project does one thing at a time.
CREATE UNIQUE INDEX runs_one_at_a_time ON runs (project_id) WHERE state IN ('started', 'in_progress', 'paused');

CREATE TABLE steps (
    id           TEXT NOT NULL PRIMARY KEY,
    run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position     BIGINT NOT NULL,
    task         TEXT NOT NULL,
    host         TEXT NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed', 'skipped')),
    reason_json  TEXT,
    started_at   BIGINT,
    ended_at     BIGINT,
    UNIQUE (run_id, position)
);
CREATE INDEX steps_by_state ON steps (run_id, state);

CREATE TABLE attempts (
    step_id       TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    number        BIGINT NOT NULL,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    outcome_json  TEXT,
    PRIMARY KEY (step_id, number)
);

CREATE TABLE messages (
    id          TEXT NOT NULL PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    state       TEXT NOT NULL CHECK (state IN ('streaming', 'complete', 'cancelled', 'failed')),
    text        TEXT NOT NULL,
    cards_json  TEXT NOT NULL,
    writer      TEXT NOT NULL,
    UNIQUE (project_id, position)
);

CREATE TABLE proposals (
    id           TEXT NOT NULL PRIMARY KEY,
    project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    title        TEXT NOT NULL,
    note         TEXT NOT NULL,
    base_sha256  TEXT NOT NULL,
    source       TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    diff_json    TEXT NOT NULL,
    state_json   TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE settings (
    name   TEXT NOT NULL PRIMARY KEY,
    value  TEXT NOT NULL
);

-- Everything that changed, in the order of the commits. Listeners of every process read on from the last position
-- that they saw, so nothing is published that is not stored. Events of runs count from 1 within the run.
CREATE TABLE events (
    position    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at          BIGINT NOT NULL,
    run_id      TEXT REFERENCES runs (id) ON DELETE CASCADE,
    seq         BIGINT,
    event_json  TEXT NOT NULL,
    UNIQUE (run_id, seq)
);
