"""Measures adherence to words of colour and light, on pictures that get a palette or a light by planted operations.

Photographs and drawings of packages are recoloured by the operations of ``colour_operations.py``; their strengths are
drawn at random, from slight to strong. The curves are fitted with --calibrate to the learning sources; the figures are of
the unseen ones. Then the palettes of the embedded model that have a term are asked of its own poorly drawn pictures: there an independent
classifier says what is shown, and nothing was fitted. Intervals are 95 % by bootstrap over sources or pictures.
"""

from __future__ import annotations

import numpy as np

from soart.benchmarks.adherence.embedded_model import JUDGE, auc, calibration_error
from soart.benchmarks.adherence.photographs import figures, usual_statistics
from soart.benchmarks.common import bootstrap, command
from soart.benchmarks.data.colour_operations import OPERATIONS, Painter, to_oklab
from soart.benchmarks.data.sources import DRAWING, PHOTOGRAPH, Source, crop, learning_sources, unseen_sources
from soart.metrics.image import read_image
from soart.metrics.items.colour import ColourExtractor
from soart.pipelines.judges.calibration import Curve
from soart.pipelines.judges.colours import TERMS, Colours, ColourSource
from soart.pipelines.tiny.words import PALETTES
from soart.training.curves import fit_curve, save_curves
from soart.training.judge import load_judge
from soart.training.towers import poor_pictures

SIDE, SEED = 96, 84
#: Operations that need colours to change, and the mean OKLab chroma of a picture that has some.
OWN_COLOURS, COLOURED = ("neon", "vibrant", "pastel", "muted", "natural chroma"), 0.025
#: Terms by palette of the embedded model.
PALETTE_TERMS = {**{name: name for name in PALETTES if name in TERMS}, "monochrome": "black and white"}


class Planted:
    """(m, 40) items of recoloured sources, with (m,) source, operation and kind; ``untouched`` are those of the pictures as they are."""

    def __init__(self, sources: list[Source], rng: np.random.Generator) -> None:
        extractor, rows = ColourExtractor(), []
        untouched = []
        for number, source in enumerate(sources):
            picture = crop(read_image(source.path).pixels, rng, SIDE)
            untouched.append(extractor.extract(picture)[0])
            coloured = np.linalg.norm(to_oklab(picture.astype(float))[..., 1:], axis=-1).mean() >= COLOURED
            for name, (operation, _, _) in OPERATIONS.items():
                if coloured or name not in OWN_COLOURS:
                    pixels = operation(Painter(picture, rng)).pixels()
                    rows.append((extractor.extract(pixels)[0], number, name, source.kind == PHOTOGRAPH))
        items, source_numbers, operations, photograph = zip(*rows, strict=True)
        self.items, self.source, self.operation = np.array(items), np.array(source_numbers), np.array(operations)
        self.photograph, self.untouched = np.array(photograph), np.array(untouched)

    def asked(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """(k,) numbers of the pictures that a term is asked of, and (k,) bool: shown?"""
        answers = {name: term in shown for name, (_, shown, absent) in OPERATIONS.items() if term in shown | absent}
        rows = np.flatnonzero(np.isin(self.operation, list(answers)))
        return rows, np.array([answers[name] for name in self.operation[rows]])


def margins(items: np.ndarray, term: str) -> np.ndarray:
    """(n,) margins of a term in pictures with items (n, 40)."""
    return TERMS[term](Colours.of(items))


def chances(items: np.ndarray, term: str, curve: Curve) -> np.ndarray:
    """(n,) P(shown)."""
    return 1 / (1 + np.exp(-curve.log_odds(margins(items, term))[0]))


def calibrate(planted: Planted, rng: np.random.Generator) -> None:
    """Fit the curve of every term to as many pictures that do not show it as show it, and write them."""
    curves = {}
    for term in TERMS:
        rows, shown = planted.asked(term)
        others = rng.permutation(rows[~shown])[: shown.sum()]
        chosen = np.concatenate([rows[shown], others])
        truth = np.arange(len(chosen)) < shown.sum()
        curves[f"colour/{term}"] = fit_curve(
            margins(planted.items[chosen], term), truth, planted.operation[chosen].tolist()
        )
    save_curves(curves)


def report(planted: Planted, curves: dict[str, Curve]) -> None:
    """Print a line for each term, and for all terms by kind of source."""
    print(
        f"{'term':16} {'shown':>6} {'absent':>6} {'AUC':>6} {'95 % interval':>16} {'missed':>7} {'false':>7} {'untouched':>10}"
    )
    table = []
    for term, curve in curves.items():
        rows, shown = planted.asked(term)
        p = chances(planted.items[rows], term, curve)
        table.append((rows, shown, p, np.where(shown, 1.0, shown.sum() / (~shown).sum())))
        value, low, high = bootstrap(lambda i, p=p, shown=shown: auc(p[i], shown[i]), planted.source[rows])
        called = (chances(planted.untouched, term, curve) >= 0.5).mean()
        print(
            f"{term:16} {shown.sum():6} {(~shown).sum():6} {value:6.3f} ({low:.3f} … {high:.3f}) "
            f"{(p[shown] < 0.5).mean():7.1%} {(p[~shown] >= 0.5).mean():7.1%} {called:10.1%}"
        )
    rows, shown, p, weight = (np.concatenate(column) for column in zip(*table, strict=True))
    for kind, of_kind in ((PHOTOGRAPH, planted.photograph[rows]), (DRAWING, ~planted.photograph[rows])):
        sources = planted.source[rows[of_kind]]
        print(f"{kind}s: {len(np.unique(sources))} sources, {of_kind.sum()} questions")
        figures(usual_statistics(p[of_kind], shown[of_kind], weight[of_kind]), sources)


def embedded(count: int, curves: dict[str, Curve]) -> None:
    """Ask the palettes of the embedded model's pictures that have a term."""
    _, _, pictures = poor_pictures(count, SEED)
    seen = np.array([answer["palette"] for answer in load_judge(JUDGE).recognise(pictures)])
    items = ColourExtractor().extract(pictures)
    rng = np.random.default_rng(SEED)
    print(f"embedded model: {count} pictures")
    for palette, term in PALETTE_TERMS.items():
        p, shown = chances(items, term, curves[term]), seen == palette
        value, low, high = bootstrap(lambda i, p=p, shown=shown: auc(p[i], shown[i]), count)
        half = np.concatenate([np.flatnonzero(shown), rng.permutation(np.flatnonzero(~shown))[: shown.sum()]])
        error = bootstrap(lambda i, p=p[half], t=shown[half]: calibration_error(p[i], t[i]), len(half))
        print(
            f"  {palette:11} AUC {value:.3f} ({low:.3f} … {high:.3f}); missed {(p[shown] < 0.5).mean():.1%}, false alarms "
            f"{(p[~shown] >= 0.5).mean():.1%}, calibration error {error[0]:.3f} ({error[1]:.3f} … {error[2]:.3f})"
        )


def main() -> None:
    """Calibrate if asked to, measure and print."""
    arguments = command(__doc__, cache=True, flags=["calibrate"], poor=400).parse_args()
    if arguments.calibrate:
        planted = Planted(learning_sources(arguments.cache)[::3], np.random.default_rng(1))
        calibrate(planted, np.random.default_rng(2))
    curves = dict(ColourSource.load().curves)
    report(Planted(unseen_sources(arguments.cache), np.random.default_rng(3)), curves)
    embedded(arguments.poor, curves)


if __name__ == "__main__":
    main()
