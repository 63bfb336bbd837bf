"""Bundles: manifest, seal, open, verify, report."""
