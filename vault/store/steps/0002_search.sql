-- Full-text search. Spec: docs/formats/store.md; reasons: docs/adr/0010-search.md.

-- The folded tokens of each indexed text (deflate of UTF-8). FTS5 takes a text out of a contentless index only when it is
-- given the same tokens again, and the folding of a later release may differ from the one that put it in.
CREATE TABLE search_text (
    serial INTEGER PRIMARY KEY,
    tokens BLOB NOT NULL
) STRICT;

-- One row. `folding`: the FOLDING_VERSION the index was made with. `tidy`: 0 nothing to do, 1 removed words may remain as
-- page separators, 2 a rewrite of the index is under way,
-- 3 as 2, and once more after it.
CREATE TABLE search_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    folding INTEGER NOT NULL,
    tidy INTEGER NOT NULL DEFAULT 0 CHECK (tidy BETWEEN 0 AND 3)
) STRICT;
INSERT INTO search_state (one, folding) VALUES (1, 1);

CREATE VIRTUAL TABLE search_index USING fts5 (
    tokens,
    content = '',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'",
    prefix = '2 3 4 5'
);
INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', 1);
