"""Measures what the technical score makes of ringing and loss of other origins than the one that it was learnt from.

    python benchmarks/score/ringing.py [--cache DIR]

One picture of 512 to 800 pixels of each unseen source is reduced and enlarged again by Lanczos, or saved by JPEG 2000 and
WebP. Printed is in which share of pairs the picture scores above what became of it, and what that is suspected of.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from soart.benchmarks.common import command
from soart.benchmarks.data.quality_pictures import in_bytes
from soart.benchmarks.data.sources import unseen_sources
from soart.benchmarks.score.kinds import middle_size
from soart.metrics.damage.technical import DETECTORS, TechnicalJudge

Change = Callable[[Image.Image], Image.Image]
NAMED = ("ring", "pixelate")


def enlarged(factor: int) -> Change:
    """Reduce a picture by a factor, and enlarge it again."""

    def change(image: Image.Image) -> Image.Image:
        small = image.resize((image.width // factor, image.height // factor), Image.Resampling.LANCZOS)
        return small.resize(image.size, Image.Resampling.LANCZOS)

    return change


def saved(kind: str, **options: object) -> Change:
    """Save a picture in a format of Pillow, and read it again."""

    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return Image.open(buffer).convert("RGB")

    return change


CHANGES: Mapping[str, Change] = {
    "as they are": lambda image: image,
    "enlarged 2 times": enlarged(2),
    "enlarged 3 times": enlarged(3),
    "JPEG 2000, 40:1": saved("JPEG2000", quality_mode="rates", quality_layers=[40]),
    "JPEG 2000, 80:1": saved("JPEG2000", quality_mode="rates", quality_layers=[80]),
    "WebP, quality 10": saved("WEBP", quality=10),
}


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    judge, sources = TechnicalJudge.load(), unseen_sources(parser.parse_args().cache)
    images = [Image.fromarray(in_bytes(picture)) for one in sources if (picture := middle_size(one)) is not None]
    print(f"{len(images)} pictures of 512 to 800 pixels")
    print(f"{'':18}{'pairs right':>12}{'suspected':>10}" + "".join(f"{name:>10}" for name in NAMED))
    before = np.zeros(0)
    for title, change in CHANGES.items():
        items = np.concatenate([judge.extractor.extract(np.asarray(change(image))) for image in images])
        points, evidence = judge.score(items), judge.model.evidence(items[:, judge.columns])
        before = before if len(before) else points
        found = np.where(evidence.max(axis=0) > 1, evidence.argmax(axis=0), -1)
        named = "".join(f"{np.mean(found == DETECTORS.index(name)):10.2f}" for name in NAMED)
        print(f"{title:18}{np.mean(before > points):12.2f}{np.mean(found >= 0):10.2f}{named}", flush=True)


if __name__ == "__main__":
    main()
