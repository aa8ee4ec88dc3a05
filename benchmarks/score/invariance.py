"""Measures the change of the technical or the overall score when a picture is resized, mirrored or turned.

Pictures are photographs and drawings that the score was not learnt from, reduced to a longest side of 1,024 pixels (so
only sources of 1,332 pixels or more). Each is compared with itself at smaller sizes (Lanczos), mirrored, upside down
and turned by 90°. Changes are given in points and in standard deviations of the scores between the pictures.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from soart.benchmarks.common import command, print_table
from soart.benchmarks.data.sources import unseen_sources
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.image import read_image
from soart.metrics.tastes.overall import OverallJudge

LARGEST = 1024
SIZES = (768, 512, 384, 256)


def reduced(picture: Image.Image, side: int) -> Image.Image:
    """The picture at a longest side of ``side`` pixels."""
    scale = side / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, cache=True, flags=["overall"], n=60).parse_args()
    judge = OverallJudge.load() if arguments.overall else TechnicalJudge.load()
    scores: dict[str, list[float]] = {}
    for source in unseen_sources(arguments.cache):
        picture = Image.fromarray(read_image(source.path).pixels)
        if max(picture.size) < 1.3 * LARGEST or len(scores.get("1024", ())) == arguments.n:
            continue
        full = reduced(picture, LARGEST)
        views = {str(LARGEST): full} | {str(side): reduced(full, side) for side in SIZES}
        views |= {
            "mirrored": full.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            "upside down": full.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
            "turned by 90°": full.transpose(Image.Transpose.ROTATE_90),
        }
        for name, view in views.items():
            scores.setdefault(name, []).append(float(judge.score(judge.extractor.extract(np.asarray(view)))[0]))
    base = np.array(scores.pop(str(LARGEST)))
    deviation = base.std(ddof=1)
    print(f"{len(base)} pictures of {LARGEST} pixels: scores {base.mean():.1f} ± {deviation:.1f} points")
    changes = {name: np.abs(np.array(values) - base) for name, values in scores.items()}
    rows = {
        name: {
            "mean change": change.mean(),
            "median": np.median(change),
            "90 %": np.quantile(change, 0.9),
            "in deviations": change.mean() / deviation,
            "rank correlation": spearmanr(scores[name], base)[0],
        }
        for name, change in changes.items()
    }
    print_table("changes in points", rows, 2)


if __name__ == "__main__":
    main()
