"""The keyless child that looks into foreign files it cannot open, one after the other, until its input ends."""

from __future__ import annotations

from vault.media import sniff, wire
from vault.media.facts import encode_facts
from vault.media.serving import Reading, serve
from vault.media.source import Found, LimitError, Source


def main() -> None:
    """Look into foreign files until the parent closes its end."""
    serve(wire.INSPECT, wire.INSPECT_SIZE, _inspect)


def _inspect(read: Reading, body: bytes) -> tuple[bytes, bytes]:
    source, found = Source(read, wire.unpack_size(body)), Found()
    try:
        sniff.look(source, found)
    except LimitError:
        found.failed = True
    except Exception:  # noqa: BLE001
        # Parsers of foreign bytes may raise anything; what was found before stands.
        found.failed = True
    return wire.ANSWER, encode_facts(found.result())
