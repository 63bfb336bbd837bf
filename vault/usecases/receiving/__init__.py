"""Bundles from others: open into a folder, verify an opened bag, take into this vault.

A verdict answers two questions apart: is it intact, and is its signer established? A key that came in the bag proves
nothing. `opening` decrypts and judges, `history` compares with what came before, `staging`, `taking`
and `filing` take in, `received` tells what came.
"""

from __future__ import annotations

from vault.usecases.receiving.opening import (
    Contents,
    Opened,
    check_claim,
    open_into,
    open_with_passphrase,
    verify_bag,
)
from vault.usecases.receiving.received import Received, received
from vault.usecases.receiving.taking import look, receive

__all__ = [
    "Contents",
    "Opened",
    "Received",
    "check_claim",
    "look",
    "open_into",
    "open_with_passphrase",
    "receive",
    "received",
    "verify_bag",
]
