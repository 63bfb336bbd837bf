"""The bill of materials: what the program consists of, as CycloneDX 1.6 in JSON. `make sbom`.

Holds the writing of it, from the metadata that every installed distribution or wheel carries. The same parts give the
same bytes: no time and no random number is in it. Never looks anything up.

Spec: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "evidence-vault"
EXTRAS = ("images",)


def parts(places: Iterable[Path], program: str = PROGRAM) -> dict[str, Part]:
    """Return name → part, of the program and of all that it needs here, its extras included.

    Args:
        places: Folders of installed distributions, or wheel files.
        program: Where to begin.

    Raises:
        LookupError: Something that is needed is not there.
    """
    there = {canonicalize_name(each.name): each for each in distributions(path=[str(place) for place in places])}
    found: dict[str, Part] = {}
    waiting = [(program, frozenset(EXTRAS))]
    while waiting:
        name, extras = waiting.pop()
        if name not in there:
            raise LookupError(f"{name} is needed and is not installed")
        part = found.setdefault(name, Part(there[name]))
        if extras <= part.extras and part.needs is not None:
            continue
        part.extras |= extras
        wanted = _wanted(part)
        part.needs = {canonicalize_name(each.name) for each in wanted}
        waiting += [(canonicalize_name(each.name), frozenset(each.extras)) for each in wanted]
    return dict(sorted(found.items()))


@dataclass
class Part:
    """A distribution, which of its extras are wanted, and the names of what it needs on this system."""

    distribution: Distribution
    extras: frozenset[str] = frozenset()
    needs: set[str] | None = None


def _wanted(part: Part) -> list[Requirement]:
    return [
        each
        for each in map(Requirement, part.distribution.requires or ())
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *part.extras))
    ]


def bill(found: Mapping[str, Part], digests: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the bill of materials.

    Args:
        found: Name → part, as `parts` gives it.
        digests: Name → SHA-256 of the wheel that is installed, in hex, where it is known.
    """
    components = {name: _component(each.distribution, (digests or {}).get(name)) for name, each in found.items()}
    program = components.pop(PROGRAM) | {"type": "application"}
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": list(components.values()),
        "dependencies": [
            {
                "ref": _purl(each.distribution),
                "dependsOn": sorted(_purl(found[name].distribution) for name in each.needs or ()),
            }
            for each in found.values()
        ],
    }
    text = json.dumps(made, sort_keys=True)
    return {**made, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}"}


def text_of(made: Mapping[str, Any]) -> str:
    """Return a bill of materials as it is written to a file."""
    return json.dumps(made, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _purl(distribution: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(distribution.name)}@{distribution.version}"


def _component(distribution: Distribution, sha256: str | None) -> dict[str, Any]:
    purl = _purl(distribution)
    made: dict[str, Any] = {
        "type": "library", "bom-ref": purl, "name": distribution.name, "version": distribution.version, "purl": purl,
    }  # fmt: skip
    if licenses := _licenses(distribution):
        made["licenses"] = licenses
    if sha256 is not None:
        made["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    return made


def _licenses(distribution: Distribution) -> list[dict[str, Any]]:
    """Return what the metadata says: an SPDX expression, else the classifiers, else a short text."""
    told = distribution.metadata
    if expression := told.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = [text.split(" :: ")[-1] for text in told.get_all("Classifier", []) if text.startswith("License ::")]
    names = classifiers or [text for text in [told.get("License", "")] if 0 < len(text) < 100]
    return [{"license": {"name": name}} for name in names]


def main() -> None:
    """Write the bill of what is installed here."""
    parser = argparse.ArgumentParser(description="Write the bill of materials of what is installed here.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "sbom.cdx.json")
    out = parser.parse_args().out
    found = parts([Path(place) for place in sys.path if place])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text_of(bill(found)), "utf-8")
    print(f"{out}: {len(found)} distributions")


if __name__ == "__main__":
    main()
