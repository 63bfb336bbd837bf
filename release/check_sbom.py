"""Holds a bill of materials against the schema that CycloneDX published. `make sbom`.

Runs with the tools of `requirements-tools.lock`, whose library carries the schema; looks nothing up.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main() -> int:
    """Check the file that is named; returns 1 when it does not follow the schema."""
    (file,) = map(Path, sys.argv[1:])
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text("utf-8"))
    print(f"{file}: {wrong or 'follows the schema of CycloneDX 1.6'}")
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main())
