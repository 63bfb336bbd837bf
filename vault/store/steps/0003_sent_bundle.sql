-- `recipient`: hashes of the keys it was made for, ascending, with commas; empty under a passphrase. Numbers, the bundle
-- before and the proof that the log only grew follow the keys and not the address book, as they do for whoever receives.
-- `name`: what the contact was called then. `checkpoint`: the state of the custody log that lay in it.
CREATE TABLE sent_bundle (
    bundle_id TEXT PRIMARY KEY,
    serial INTEGER NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch TEXT NOT NULL,
    number INTEGER NOT NULL,
    case_serial INTEGER NOT NULL,
    sealed_at TEXT NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    checkpoint TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX sent_number ON sent_bundle (recipient, epoch, number) WHERE recipient <> '';
