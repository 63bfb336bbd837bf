-- The state of the custody log that lay in a bundle, so that the next one can prove that the log only grew since.
ALTER TABLE sent_bundle ADD COLUMN checkpoint TEXT NOT NULL DEFAULT '';
