-- `name`: the bundle's id in the log here, its own unless something else had that. `recipient`: kind and hashes of the keys
-- it was made for. `manifest`: SHA-256 of its description. `checkpoint`: the state of the sender's log that lay in it.
CREATE TABLE received_bundle (
    serial INTEGER PRIMARY KEY,
    bundle_id TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    signer BLOB NOT NULL,
    epoch TEXT NOT NULL,
    number INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    manifest TEXT NOT NULL,
    verdict TEXT NOT NULL,
    case_serial INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    checkpoint TEXT NOT NULL
) STRICT;
CREATE INDEX received_by_signer ON received_bundle (signer);
