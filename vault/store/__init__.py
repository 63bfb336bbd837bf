"""The encrypted store; the only importer of sqlcipher3."""
