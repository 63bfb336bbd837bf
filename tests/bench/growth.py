"""Whether memory stays flat, and time in proportion, while files grow. The input is one sparse file of zeros."""

from __future__ import annotations

import shutil
from pathlib import Path

from beside import MIB, fresh, ours


def growth(folder: Path, sizes: tuple[int, ...]) -> None:
    """Attach, seal and open files of growing size."""
    print("\nOne file of zeros; seconds per GiB, and peak memory in MiB beyond the unlocked vault")
    print(f"  {'GiB':>5} " + " ".join(f"{name:>16}" for name in ("attach", "seal", "open")))
    for size in sizes:
        source, place = folder / "zeros", fresh(folder, "v")
        with source.open("wb") as handle:
            handle.truncate(size * 1024 * MIB)
        ours("make", place)
        found = [ours("attach", place, source), ours("seal", place, folder / "one.age", "B")]
        found.append(ours("open", place, folder / "one.age", folder / "opened"))
        cells = (f"{one['seconds'] / size:>7.2f} {one['memory'] / MIB:>5.0f} MiB" for one in found)
        print(f"  {size:>5} " + " ".join(cells), flush=True)
        shutil.rmtree(folder / "opened")
        (folder / "one.age").unlink()
        shutil.rmtree(place)
