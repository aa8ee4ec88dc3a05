"""Measures whether ``soart find --like`` finds the right pictures, and how long *more like this* takes in a large collection.

Three views of every unseen source (real_tastes.py): the whole picture and two crops. Of the two pictures most like a view,
how many show the same picture? And of the ten most like it of other sources, how many lie in the same folder of their
package, which is a category? With ``--large``, the time of a search among so many pictures with random items, in a
collection of its own, and the memory that it takes beside the mapped file.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from soart.benchmarks.common import command, print_table
from soart.benchmarks.data.real_tastes import world
from soart.metrics.items.combined import taste_extractor
from soart.metrics.similarity.neighbours import likeness
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import ImageRow
from soart.pipelines.scoring.similar import by_likeness

#: Fewest pictures of a folder that counts as a category.
FEWEST = 24


def memory() -> float:
    """Memory of this process in megabytes, without files that are mapped into it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) - int(Path("/proc/self/statm").read_text().split()[2])
    return pages * resource.getpagesize() / 1e6


def search_among(pictures: int) -> None:
    """Time searches in a collection of pictures with items of a network."""
    rng, extractor = np.random.default_rng(0), taste_extractor("efficientnet-lite0")
    with tempfile.TemporaryDirectory() as folder, Collection(Path(folder, "c")) as collection:
        with collection.session("be written", write=True) as session:
            rows = [{"sha256": f"{n:064}", "path": f"images/{n}.png", "width": 8, "height": 8} for n in range(pictures)]
            session.execute(insert(ImageRow), rows)
        ids = collection.ids()
        plain = len(taste_extractor().names)
        for start in range(0, len(ids), 4096):
            block = ids[start : start + 4096]
            items = rng.normal(size=(len(block), len(extractor.names))).astype(np.float32)
            collection.add_items(extractor.version, dict(zip(block, items, strict=True)))
            collection.add_items(taste_extractor().version, dict(zip(block, items[:, :plain], strict=True)))
        before = memory()
        started = time.perf_counter()
        by_likeness(collection, ids, ids[0])
        print(f"{pictures} pictures: index made in {time.perf_counter() - started:.1f} s")
        times, busy = [], []
        for image in rng.choice(ids, 30).tolist():
            started, used = time.perf_counter(), time.process_time()
            by_likeness(collection, ids, image)
            times.append(1000 * (time.perf_counter() - started))
            busy.append(1000 * (time.process_time() - used))
        (file,) = Path(folder, "c", "likeness").iterdir()
        print(
            f"search: median {np.median(times):.0f} ms, 95 % within {np.percentile(times, 95):.0f} ms (bar 100); CPU "
            f"{np.median(busy):.0f} and {np.percentile(busy, 95):.0f} ms; memory {memory() - before:+.0f} MB; file {file.stat().st_size / 1e6:.0f} MB"
        )


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, cache=True, large=0).parse_args()
    if arguments.large:
        search_among(arguments.large)
        return
    views = world(arguments.cache, development=False)
    plain = views.items.shape[1]
    large = np.bincount(views.folder)[views.folder] >= FEWEST
    rng = np.random.default_rng(0)
    print(
        f"{len(views.source)} views of {views.source.max() + 1} sources; {large.sum()} in folders of at least {FEWEST} views"
    )
    rows = {}
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
        rows[name] = {"same picture, of 2": np.mean(same), "same folder, of 10": np.mean(folder)}
    print_table("items", rows)


if __name__ == "__main__":
    main()
