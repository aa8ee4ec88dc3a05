"""Measures whether ``soart similar`` finds the right pictures.

    python benchmarks/similar.py

Three views of every unseen source (real_tastes.py): the whole picture and two crops. Of the two pictures most like a view,
how many show the same picture? And of the ten most like it of other sources, how many lie in the same folder of their
package, which is a category?
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from real_tastes import world
from sources import default_cache

from soart.metrics.similarity.neighbours import likeness

#: Fewest pictures of a folder that counts as a category.
FEWEST = 24


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of unpacked packages")
    views = world(parser.parse_args().cache, development=False)
    plain = views.items.shape[1]
    large = np.bincount(views.folder)[views.folder] >= FEWEST
    rng = np.random.default_rng(0)
    print(
        f"{len(views.source)} views of {views.source.max() + 1} sources; {large.sum()} in folders of at least {FEWEST} views"
    )
    print(f"{'items':24} {'same picture, of 2':>19} {'same folder, of 10':>19}")
    for name, matrix, names in (
        ("texture and colour", views.items, views.names[:plain]),
        ("EfficientNet-Lite0", views.both, views.names),
        ("by chance", None, ()),
    ):
        same, folder = [], []
        for row in range(len(views.source)):
            alike = rng.uniform(size=len(views.source)) if matrix is None else likeness(matrix, matrix[[row]], names)
            alike[row] = -np.inf
            same += (views.source[np.argsort(-alike)[:2]] == views.source[row]).tolist()
            if large[row]:
                alike[views.source == views.source[row]] = -np.inf
                folder += (views.folder[np.argsort(-alike)[:10]] == views.folder[row]).tolist()
        print(f"{name:24} {np.mean(same):19.3f} {np.mean(folder):19.3f}")


if __name__ == "__main__":
    main()
