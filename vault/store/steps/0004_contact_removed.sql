-- A contact that was removed keeps its id, so that bundles to the same keys go on being numbered if it is added again.
ALTER TABLE contact ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
