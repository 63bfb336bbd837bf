CREATE TABLE migration (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

-- One row: who this vault is.
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_id TEXT NOT NULL,
    signing_seed BLOB NOT NULL,
    x25519_secret BLOB NOT NULL,
    hybrid_seed BLOB NOT NULL,
    name TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE vault_case (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    origin TEXT NOT NULL DEFAULT '',
    sender_case TEXT NOT NULL DEFAULT '',
    records INTEGER NOT NULL DEFAULT 0,
    attachments INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX case_received ON vault_case (origin, sender_case) WHERE origin <> '';

CREATE TABLE record (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    case_serial INTEGER NOT NULL REFERENCES vault_case (serial),
    type TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    newest INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    origin TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX record_by_case ON record (case_serial, serial);

-- A case counts what it holds: signed and not deleted.
CREATE TRIGGER record_counted AFTER UPDATE OF newest, deleted ON record
WHEN (OLD.newest > 0 AND OLD.deleted = 0) <> (NEW.newest > 0 AND NEW.deleted = 0)
BEGIN
    UPDATE vault_case SET
        records = records + iif(NEW.type = 'attachment', 0, iif(NEW.deleted, -1, 1)),
        attachments = attachments + iif(NEW.type = 'attachment', iif(NEW.deleted, -1, 1), 0)
    WHERE serial = NEW.case_serial;
END;

-- `serial` is also the row of the search index, so newest text comes first.
CREATE TABLE record_version (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    record_serial INTEGER NOT NULL REFERENCES record (serial),
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    signed_at TEXT NOT NULL,
    signer BLOB NOT NULL,
    entry_number INTEGER NOT NULL,
    sd_jwt TEXT NOT NULL,
    UNIQUE (record_serial, version)
) STRICT;

CREATE TABLE draft (
    id TEXT PRIMARY KEY,
    case_serial INTEGER NOT NULL REFERENCES vault_case (serial),
    type TEXT NOT NULL,
    based_on INTEGER NOT NULL DEFAULT 0,
    saved_at TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;

-- A content counts only once `complete` is 1; chunk rows have the id serial * 2^24 + number.
CREATE TABLE content (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    complete INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    sha512 TEXT NOT NULL DEFAULT '',
    tag_key BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX content_by_digest ON content (sha256) WHERE complete = 1;
CREATE INDEX content_by_size ON content (size) WHERE complete = 1;
CREATE INDEX content_abandoned ON content (complete) WHERE complete = 0;

CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    tag BLOB NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE attachment (
    record_serial INTEGER PRIMARY KEY REFERENCES record (serial),
    content_serial INTEGER REFERENCES content (serial),
    extension TEXT NOT NULL
) STRICT;
CREATE INDEX attachment_by_content ON attachment (content_serial);

CREATE TABLE epoch (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    first_number INTEGER NOT NULL,
    grew_from TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE custody_entry (
    number INTEGER PRIMARY KEY,
    case_serial INTEGER NOT NULL,
    object TEXT NOT NULL,
    entry BLOB NOT NULL,
    disclosures TEXT NOT NULL
) STRICT;
CREATE INDEX custody_by_object ON custody_entry (object, number);
CREATE INDEX custody_by_case ON custody_entry (case_serial, number);

-- Complete subtrees of the Merkle tree; id = level * 2^48 + index.
CREATE TABLE tree_node (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE contact (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    recipients TEXT NOT NULL,
    signing_key BLOB NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0,
    expires_at TEXT NOT NULL DEFAULT '',
    card TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX contact_by_key ON contact (signing_key);

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
