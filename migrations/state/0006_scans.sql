-- What a scanner found in the image of a deployment. `found_json` is the list of what is known to be vulnerable, the most severe
-- first; it is NULL once the image is not kept any more. `left_out` is how many did not fit into it. The counts are of all.
CREATE TABLE scans (
    deployment_id   TEXT NOT NULL PRIMARY KEY REFERENCES deployments (id) ON DELETE CASCADE,
    scanned_at      BIGINT NOT NULL,
    scanner         TEXT NOT NULL CHECK (scanner IN ('trivy', 'grype')),
    version         TEXT,
    counts_json     TEXT NOT NULL,
    found_json      TEXT,
    left_out        BIGINT NOT NULL
);
