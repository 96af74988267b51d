-- What keeps a run from going on is kept for each host: an array, or NULL when nothing does.
ALTER TABLE runs RENAME COLUMN hindrance_json TO hindrances_json;
UPDATE runs SET hindrances_json = json_array(json(hindrances_json)) WHERE hindrances_json IS NOT NULL;
