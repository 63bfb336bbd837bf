"""The tree of digests inside a signed record: every member and every array element is disclosable on its own.

Holds: `Blinder`, which turns plain values into digests and disclosures, and `Unfolding`, which puts disclosed values
back where their digests stand. Blinded containers hold nothing but digests: an object is `{"_sd": [digests]}`, an array
`[{"...": digest}, …]`, so the bytes of a record do not show what is there to be withheld.

Decoys: the digests of an object or array are padded to a multiple of a block. The number of decoys is drawn at random,
so that even somebody who was given all but one of the values cannot conclude from the count that another one exists;
where the caller states a capacity (how many members there can be at all), the count depends on that capacity alone.

Never: signs, verifies signatures, reads text forms. Spec: RFC 9901 §4.2, §7.1 step 3; `docs/formats/record.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vault.crypto.randomness import random_bytes
from vault.errors import FormatError, IntegrityError, RefusedError
from vault.formats.sd_jwt import MAX_DISCLOSURES, WHERE, Disclosure, decoy, is_digest
from vault.model import Json

TOP_BLOCK: Final = 8
"""The payload's own `_sd` and that of `fields` hold a multiple of this many digests."""
NESTED_BLOCK: Final = 4
"""Everything deeper holds a multiple of this many digests."""
MAX_DEPTH: Final = 8
"""The longest path to a value, in steps."""


def padded_count(count: int, block: int, capacity: int = 0) -> int:
    """Return how many digests stand for `count` values: a multiple of `block`, never 0.

    A function of `capacity` alone when that covers `count`; otherwise at least one decoy, and up to two blocks of them.
    """
    spread = int.from_bytes(random_bytes(8)) % (block + 1)
    wanted = capacity if capacity >= max(count, 1) else count + 1 + spread
    return -(-wanted // block) * block


class Blinder:
    """Turns plain values into digests and collects the disclosures.

    Attributes:
        disclosures: One for every member and every element seen so far, in no order of meaning.
    """

    def __init__(self) -> None:
        self.disclosures: list[Disclosure] = []

    def _add(self, name: str | None, value: Json) -> str:
        if len(self.disclosures) == MAX_DISCLOSURES:
            raise RefusedError("The record has too many fields.", "Split it into several records.")
        disclosure = Disclosure.make(name, value)
        self.disclosures.append(disclosure)
        return disclosure.digest

    def members(self, values: dict[str, Json], block: int, capacity: int = 0, depth: int = 1) -> list[str]:
        """Return the sorted digests of the members of an object, decoys among them.

        Raises:
            RefusedError: A name, number, text, size or depth that no record can hold.
            TypeError: A name or value that is no JSON.
        """
        if depth > MAX_DEPTH:
            raise RefusedError("The fields are nested too deeply.", "Use fewer levels.")
        digests = []
        for name, value in values.items():
            if not isinstance(name, str):
                raise TypeError("a member name that is not a str")
            digests.append(self._add(name, self._value(value, depth)))
        digests += [decoy() for _ in range(padded_count(len(digests), block, capacity) - len(digests))]
        return sorted(digests)

    def _value(self, value: Json, depth: int) -> Json:
        """Return a member's or element's value with everything inside it blinded."""
        if isinstance(value, dict):
            return {"_sd": self.members(value, NESTED_BLOCK, depth=depth + 1)}
        if isinstance(value, list):
            return self._elements(value, depth + 1)
        return value

    def _elements(self, values: list[Json], depth: int) -> list[Json]:
        """Return an array's elements as digests in their order, with decoys at random places between them."""
        if depth > MAX_DEPTH:
            raise RefusedError("The fields are nested too deeply.", "Use fewer levels.")
        count = padded_count(len(values), NESTED_BLOCK)
        places = sorted(range(count), key=lambda _: random_bytes(16))[: len(values)]
        elements: list[Json] = [None] * count
        for place, value in zip(sorted(places), values, strict=True):
            elements[place] = {"...": self._add(None, self._value(value, depth))}
        return [{"...": decoy()} if element is None else element for element in elements]


@dataclass(frozen=True, slots=True)
class Node:
    """One disclosed value: where it is and which disclosure carries it.

    Attributes:
        path: Names and, for array elements, their index among the disclosed elements of that array.
        disclosure: The disclosure.
        parent: Index of the node that holds it, or -1.
    """

    path: tuple[str, ...]
    disclosure: Disclosure
    parent: int


class Unfolding:
    """Puts disclosed values in the place of their digests; call `members` for each root, then `finish`.

    Attributes:
        nodes: Every disclosure that was placed, parents before children.
    """

    def __init__(self, disclosures: Iterable[Disclosure]) -> None:
        self._waiting = {disclosure.digest: disclosure for disclosure in disclosures}
        self._seen: set[str] = set()
        self.nodes: list[Node] = []

    def members(self, digests: Json, block: int, path: tuple[str, ...] = (), parent: int = -1) -> dict[str, Json]:
        """Return the disclosed members behind the `_sd` value `digests`, sorted by name.

        Raises:
            FormatError: Not an array of digests in ascending order, not a multiple of `block`, too deep, an element's
                disclosure among members, or two members of one name.
            IntegrityError: A digest that was met before.
        """
        if not isinstance(digests, list) or not digests or len(digests) % block or not all(map(is_digest, digests)):
            raise FormatError(WHERE, "an object that is not a list of digests")
        if any(first >= second for first, second in pairwise(digests)):
            raise FormatError(WHERE, "digests that are not in order")
        found: dict[str, Disclosure] = {}
        for digest in digests:
            disclosure = self._take(digest)
            if disclosure is None:
                continue
            if disclosure.name is None:
                raise FormatError(WHERE, "an array element in the place of a member")
            if disclosure.name in found:
                raise FormatError(WHERE, "two members of one name")
            found[disclosure.name] = disclosure
        return {name: self._place((*path, name), found[name], parent) for name in sorted(found)}

    def _elements(self, elements: list[Json], path: tuple[str, ...], parent: int) -> list[Json]:
        if not elements or len(elements) % NESTED_BLOCK:
            raise FormatError(WHERE, "an array of a length that is not allowed")
        values: list[Json] = []
        for element in elements:
            if not isinstance(element, dict) or element.keys() != {"..."} or not is_digest(element["..."]):
                raise FormatError(WHERE, "an array element that is not a digest")
            disclosure = self._take(element["..."])
            if disclosure is None:
                continue
            if disclosure.name is not None:
                raise FormatError(WHERE, "a member in the place of an array element")
            values.append(self._place((*path, str(len(values))), disclosure, parent))
        return values

    def _take(self, digest: str) -> Disclosure | None:
        """Return the disclosure that belongs here, if it was handed over; each digest may be met once only."""
        if digest in self._seen:
            raise IntegrityError(WHERE, "a digest that stands in two places")
        self._seen.add(digest)
        return self._waiting.pop(digest, None)

    def _place(self, path: tuple[str, ...], disclosure: Disclosure, parent: int) -> Json:
        """Note where a disclosure belongs and return its value, unfolded."""
        self.nodes.append(Node(path, disclosure, parent))
        here = len(self.nodes) - 1
        value = disclosure.value
        if isinstance(value, (dict, list)) and len(path) == MAX_DEPTH:
            raise FormatError(WHERE, "fields that are nested too deeply")
        if isinstance(value, dict):
            if value.keys() != {"_sd"}:
                raise FormatError(WHERE, "an object that is not a list of digests")
            return self.members(value["_sd"], NESTED_BLOCK, path, here)
        if isinstance(value, list):
            return self._elements(value, path, here)
        return value

    def finish(self) -> None:
        """Refuse disclosures that no digest stands for.

        Raises:
            IntegrityError: One was left over.
        """
        if self._waiting:
            raise IntegrityError(WHERE, "a disclosure that the signature does not cover")
