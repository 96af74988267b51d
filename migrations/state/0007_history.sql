-- What has come and gone in the repository of a deployment since the one that served when it was fetched; NULL when that is not known.
ALTER TABLE deployments ADD COLUMN history_json TEXT;
