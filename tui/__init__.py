"""Everything the terminal shows; imports the core through `vault.api`, `model`, `errors` and `jobs` only."""
