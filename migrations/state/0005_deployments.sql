-- Places that applications are deployed to. `before` is what one goes back to when the deployment that is going on comes to
-- nothing, `since` when its state last changed.
CREATE TABLE environments (
    id          TEXT NOT NULL PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('provisioning', 'building', 'deploying', 'running', 'paused', 'failed', 'destroyed')),
    before      TEXT CHECK (before IN ('nothing', 'running', 'paused')),
    since       BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

-- Each is made by one run, and its state follows from what that run records. `ended_at` is when it began to serve or came
-- to nothing. `screenshot_at` is when the picture of its page was taken, `no_screenshot` why none could be.
CREATE TABLE deployments (
    id              TEXT NOT NULL PRIMARY KEY,
    environment_id  TEXT NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    number          BIGINT NOT NULL,
    run_id          TEXT NOT NULL UNIQUE REFERENCES runs (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL CHECK (kind IN ('deploy', 'rollback', 'restart')),
    takes_from      TEXT REFERENCES deployments (id) ON DELETE CASCADE,
    state           TEXT NOT NULL CHECK (state IN ('pending', 'building', 'built', 'deploying', 'ready', 'superseded', 'failed', 'cancelled')),
    source_json     TEXT,
    image           TEXT,
    image_kept      BOOLEAN NOT NULL,
    error           TEXT,
    created_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    superseded_at   BIGINT,
    screenshot_at   BIGINT,
    no_screenshot   TEXT,
    UNIQUE (environment_id, number),
    CHECK ((kind = 'deploy') = (takes_from IS NULL)),
    CHECK ((state = 'superseded') = (superseded_at IS NOT NULL))
);
-- One serves, and one is on its way.
CREATE UNIQUE INDEX deployments_one_ready ON deployments (environment_id) WHERE state = 'ready';
CREATE UNIQUE INDEX deployments_one_going ON deployments (environment_id) WHERE state IN ('pending', 'building', 'built', 'deploying');

-- The environment that a run stops; NULL for all others.
ALTER TABLE runs ADD COLUMN stops TEXT REFERENCES environments (id) ON DELETE SET NULL;

-- What a step of a deployment is there for; NULL for all others.
ALTER TABLE steps ADD COLUMN stage TEXT;
