-- An index without a text is one of any folding.
UPDATE search_state SET folding = 3 WHERE NOT EXISTS (SELECT 1 FROM search_text);
