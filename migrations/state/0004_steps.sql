-- What a step did: whether it changed something, what a person decided about its failure, and what later steps use of what it
-- wrote (without secrets; `output_masked` where one was in it).
ALTER TABLE steps ADD COLUMN changed BOOLEAN;
ALTER TABLE steps ADD COLUMN decision TEXT;
ALTER TABLE steps ADD COLUMN output TEXT;
ALTER TABLE steps ADD COLUMN output_masked BOOLEAN;
