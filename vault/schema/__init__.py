"""The record-type engine: types are data, TOML files that say which fields a record has.

The shipped types are in `vault/schemas/`; `load_schema` reads one that somebody else wrote. `types` holds what a type
can answer, `fields` what it is made of, `values` the checks, `reading` the TOML.

Never: changes what a person typed (nothing is trimmed, normalised or corrected), quotes it in an error, reads a file
that a person names, stores anything.

Spec: docs/formats/schema.md
"""

from __future__ import annotations

from vault.schema.fields import Field, Labels, Term, pick
from vault.schema.reading import earlier_schemas, load_schema, schemas
from vault.schema.types import Schema
from vault.schema.values import MAX_TEXT, is_language

__all__ = [
    "MAX_TEXT",
    "Field",
    "Labels",
    "Schema",
    "Term",
    "earlier_schemas",
    "is_language",
    "load_schema",
    "pick",
    "schemas",
]
