-- What somebody with the key of a store can write into it: a name, then the statements, one on each line.

-- trigger that deletes
CREATE TRIGGER evil AFTER INSERT ON custody_entry BEGIN DELETE FROM record; END;

-- trigger in the place of ours
DROP TRIGGER record_counted;
CREATE TRIGGER record_counted AFTER UPDATE ON record BEGIN DELETE FROM vault_case; END;

-- trigger that loops
CREATE TRIGGER evil AFTER INSERT ON setting BEGIN INSERT INTO setting SELECT key || 'x', value FROM setting; END;

-- view in the place of a table
ALTER TABLE setting RENAME TO real;
CREATE VIEW setting AS SELECT * FROM real;

-- view that never ends
CREATE VIEW evil AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;

-- virtual table
CREATE VIRTUAL TABLE evil USING fts5(a);

-- virtual table in the place of one
DROP TABLE setting;
CREATE VIRTUAL TABLE setting USING fts5(name, value);

-- virtual table of a spatial index
CREATE VIRTUAL TABLE evil USING rtree(id, a, b);

-- generated column
ALTER TABLE setting ADD COLUMN evil TEXT GENERATED ALWAYS AS (lower(key)) VIRTUAL;

-- index over an expression
CREATE INDEX evil ON record (upper(id));

-- check that calls a function
CREATE TABLE evil (a TEXT CHECK (hex(a) > ''));

-- table less
DROP TABLE received_bundle;

-- index less
DROP INDEX record_by_case;

-- table more
CREATE TABLE evil (a);

-- tables of no version
PRAGMA user_version = 1;

-- a version below 0
PRAGMA user_version = -1;

-- a newer version
PRAGMA user_version = 2000000000;

-- another program's
PRAGMA application_id = 1;

-- schema that is no SQL
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = 'CREATE TABLE' WHERE name = 'setting';

-- schema of other columns
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'title', 'id2') WHERE name = 'vault_case';

-- schema of a trigger with a loaded library
PRAGMA writable_schema = ON;
INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('trigger', 'evil', 'record', 0, 'CREATE TRIGGER evil AFTER INSERT ON record BEGIN SELECT load_extension(''x''); END');

-- root pages exchanged
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET rootpage = 3 WHERE type = 'table';

-- no identity
DELETE FROM identity;

-- a seed of another length
UPDATE identity SET signing_seed = x'00';

-- a seed of a gigabyte
UPDATE identity SET signing_seed = zeroblob(900000000);

-- a log id that is none
UPDATE identity SET log_id = 'x';

-- no migration
DELETE FROM migration;

-- a head that is none
UPDATE log_head SET note = 'x';

-- no head
DELETE FROM log_head;

-- no epoch
DELETE FROM epoch;

-- an entry that is none
UPDATE custody_entry SET entry = x'ff' WHERE number = 1;

-- entries that are missing
DELETE FROM custody_entry WHERE number > 1;

-- nodes that are missing
DELETE FROM tree_node;

-- a record that is none
UPDATE record_version SET sd_jwt = 'x';

-- a record of 200 MB
UPDATE record_version SET sd_jwt = hex(zeroblob(100000000)) WHERE serial = 1;

-- text that is no UTF-8
UPDATE record_version SET sd_jwt = CAST(x'fffe00ff' AS TEXT);

-- a title that is no UTF-8
UPDATE vault_case SET title = CAST(x'fffe41' AS TEXT);

-- a title with a zero
UPDATE vault_case SET title = 'a' || char(0) || 'b';

-- an id that is none
UPDATE record SET id = 'x' WHERE serial = 1;

-- a negative serial
UPDATE record SET newest = -9223372036854775808;

-- a type that is none
UPDATE record SET type = 'unheard of';

-- counts that lie
UPDATE vault_case SET records = 9223372036854775807;

-- a time that is none
UPDATE vault_case SET created_at = 'yesterday';

-- chunks that are missing
DELETE FROM chunk;

-- a chunk that is none
UPDATE chunk SET data = x'00';

-- a content of another length
UPDATE content SET size = 9223372036854775807;

-- a setting that is none
INSERT INTO setting VALUES ('idle', 'x');

-- a type of record that is none
INSERT INTO record_type SELECT 'evil', 'x = ', 1, '';

-- an index that was written over
INSERT INTO search_index (search_index) VALUES ('delete-all');

-- the pages of the index
UPDATE search_index_data SET block = x'ffffffffffffffff';

-- a folding of tomorrow
UPDATE search_state SET folding = 9999, tidy = 2;

-- tokens that are no deflate
UPDATE search_text SET tokens = x'00';
