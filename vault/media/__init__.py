"""The keyless child process that looks into foreign files."""
