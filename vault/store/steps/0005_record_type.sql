-- Record types that an organisation wrote. Spec: docs/formats/schema.md, "Types of an organisation".
CREATE TABLE record_type (
    type TEXT PRIMARY KEY,
    toml TEXT NOT NULL
) STRICT;
