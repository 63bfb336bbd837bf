-- Record types that an organisation wrote, every version of them. Spec: docs/formats/schema.md, "Types of an organisation".
CREATE TABLE record_type (
    digest TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    toml TEXT NOT NULL
) STRICT;
