"""The keyless child process that looks into foreign files, and the only road to it.

`Inspector` is for the rest of the core; the readers of foreign formats (`sniff`, `image`, `boxes`, `pdf`, `office`,
`audio`, `exif`, `xmp`) are imported by `child` alone, decoders of pictures by `painter` alone. Neither ever runs in a
process that holds keys.
"""

from __future__ import annotations

from vault.media.facts import MediaFacts
from vault.media.inspector import Inspector
from vault.media.pictures import Picture

__all__ = ["Inspector", "MediaFacts", "Picture"]
