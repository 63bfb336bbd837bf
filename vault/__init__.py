"""The core of the evidence vault: no screen, no printing, no network, no process exit.

Front ends enter by `vault.api` only; `docs/architecture.md` draws the floors of the house.
"""

__version__ = "0.1.0"
