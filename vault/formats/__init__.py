"""The bytes of public standards, one module per specification: strict, without files, database or kept keys."""
