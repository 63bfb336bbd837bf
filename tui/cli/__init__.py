"""The `evault` commands; they never load Textual."""
