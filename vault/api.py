"""The door for front ends: making, unlocking and locking a vault, the use cases, and checking a bag without a vault.

Composition only. A front end imports this, `vault.model`, `vault.errors` and `vault.jobs`, nothing else of the core:

```python
from vault import api
vault = api.setup.unlock(folder, secret)
case = api.cases.add(vault, "…")
api.lock(vault)
```
"""

from __future__ import annotations

from vault import __version__, schema
from vault.exposure import surroundings
from vault.files import read_small
from vault.formats.fingerprint import groups_of, words_of
from vault.open_vault import OpenVault
from vault.passphrase import Strength, generate, strength, to_secret
from vault.process import harden
from vault.recovery import Share
from vault.surroundings import network_file_system
from vault.usecases import (
    backup,
    cases,
    checking,
    contacts,
    custody,
    drafts,
    intake,
    looking,
    proofs,
    receiving,
    record_types,
    records,
    recovery,
    sealing,
    search,
    settings,
    setup,
)

Field = schema.Field
Schema = schema.Schema
is_language = schema.is_language
schemas = schema.schemas
MAX_TEXT = schema.MAX_TEXT
verify_bag = receiving.verify_bag


def lock(vault: OpenVault) -> None:
    """Close an open vault; what is queued is finished first."""
    vault.close()


__all__ = [
    "MAX_TEXT",
    "Field",
    "OpenVault",
    "Schema",
    "Share",
    "Strength",
    "__version__",
    "backup",
    "cases",
    "checking",
    "contacts",
    "custody",
    "drafts",
    "generate",
    "groups_of",
    "harden",
    "intake",
    "is_language",
    "lock",
    "looking",
    "network_file_system",
    "proofs",
    "read_small",
    "receiving",
    "record_types",
    "records",
    "recovery",
    "schemas",
    "sealing",
    "search",
    "settings",
    "setup",
    "strength",
    "surroundings",
    "to_secret",
    "verify_bag",
    "words_of",
]
