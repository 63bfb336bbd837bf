"""The bytes of public standards, one module per specification: strict both ways, no files, no database, no keys kept."""
