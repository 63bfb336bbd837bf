"""`make bench`: our figures beside those of stock tools, on the same input, in one run, as ratios.

Read the ratios. What a figure includes stands beside it. Each part runs alone with --only; all take some hours at the
sizes of docs/performance.md, so the sizes are options.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bulk
import growth
import hot
import large
import small
import still

PARTS = ("bulk", "small", "scale", "growth", "hot", "still")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; repeat it for several")
    parser.add_argument("--folder", default=None, help="where to work (default: the system's folder for such files)")
    parser.add_argument("--rounds", type=int, default=3, help="of bulk and small; the best is taken")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file of bulk, hot and still")
    parser.add_argument("--files", type=int, default=10000, help="of small")
    parser.add_argument("--records", default="1000,10000,100000", help="sizes of scale, ascending")
    parser.add_argument("--entries", type=int, default=10, help="custody entries for each record of scale")
    parser.add_argument("--keep", default=None, help="an empty folder, or one of an earlier scale, to go on with")
    parser.add_argument("--sizes", default="1,4,20", help="GiB of the files of growth")
    parser.add_argument("--plot", default=None, help="write the curves of scale to this SVG file")
    options = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    parts = options.only or PARTS
    with tempfile.TemporaryDirectory(prefix="evault-bench-", dir=options.folder) as name:
        folder = Path(name)
        if "bulk" in parts:
            bulk.bulk(folder, options.size, options.rounds)
        if "small" in parts:
            small.small(folder, options.files, options.rounds)
        if "growth" in parts:
            growth.growth(folder, tuple(map(int, options.sizes.split(","))))
        if "hot" in parts:
            hot.hot(folder, options.size)
        if "still" in parts:
            still.still(folder, options.size)
        if "scale" in parts:
            sizes = tuple(map(int, options.records.split(",")))
            large.large(Path(options.keep or folder / "scale"), sizes, options.entries, options.plot)


if __name__ == "__main__":
    main()
