"""The linear mode: plain lines and numbered lists, for screen readers and for terminals that can do nothing else."""
