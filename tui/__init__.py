"""Everything the terminal shows; imports the core only through `vault.api`, `vault.model`, `vault.errors`, `vault.jobs`."""
