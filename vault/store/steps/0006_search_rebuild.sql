-- `next`: 0 the index is whole; else it is being made anew, and the record of this serial is the next one to go in.
ALTER TABLE search_state ADD COLUMN next INTEGER NOT NULL DEFAULT 0;
-- An index without a text is one of any folding.
UPDATE search_state SET folding = 2 WHERE NOT EXISTS (SELECT 1 FROM search_text);
