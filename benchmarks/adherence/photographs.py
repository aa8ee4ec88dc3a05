"""Measures adherence on photographs: nouns of ImageNet.

The curves are fitted with --calibrate to learning sources and to stamps of tuxpaint, one or several in a picture; all
figures are of other packages. A noun is asked of the pictures that show it and, with the same weight in all, of those that
show nothing of it. Nouns that share a class with what a picture shows are not asked of it. Intervals are 95 % by bootstrap
over pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from soart.benchmarks.adherence.embedded_model import auc
from soart.benchmarks.common import bootstrap, command, sheet
from soart.benchmarks.data.contents import Content, calibration_contents, composites, implied, reporting_contents
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.nouns import noun_classes
from soart.pipelines.judges.calibration import Curve
from soart.pipelines.judges.nouns import NounSource, noun_margin
from soart.training.curves import fit_curve, save_curves

BINS = 10
#: Share of the nouns of people's prompts that pictures show, and probabilities that are tried as the one below which a noun is
#: called not seen.
SHOWN, TRIED = 0.8, (0.1, 0.12, 0.15, 0.2, 0.3)
#: Pictures of several things to calibrate on, about as many as those of one thing.
COMPOSITES = 400


class Questions:
    """(m,) nouns asked of pictures; by their weight shown and not shown weigh the same for every noun."""

    def __init__(self, contents: list[Content], items: np.ndarray) -> None:
        table = noun_classes()
        truths = [implied(content.nouns, table) for content in contents]
        chosen: dict[frozenset[int], str] = {}
        for noun in sorted({noun for truth in truths for noun in truth}, key=lambda noun: (len(noun), noun)):
            chosen.setdefault(table[noun], noun)
        rows = []
        for classes, noun in chosen.items():
            asked = [
                (number, noun in truth)
                for number, truth in enumerate(truths)
                if noun in truth or not any(classes & table[other] for other in truth)
            ]
            shown = sum(true for _, true in asked)
            if 0 < shown < len(asked):
                rows += [(i, noun, true, 1.0 if true else shown / (len(asked) - shown)) for i, true in asked]
        self.picture, self.noun, self.shown, self.weight = (np.array(column) for column in zip(*rows, strict=True))
        self.margin = np.array([noun_margin(items[i], table[noun]) for i, noun, *_ in rows])
        self.broad = np.array([len(table[noun]) > 1 for noun in self.noun])


def calibrate(cache: Path, extractor: DeepExtractor) -> None:
    """Fit both curves and write them; print what would be called not seen below several probabilities."""
    rng, every = np.random.default_rng(0), []
    curves: dict[str, tuple[list, list, list]] = {"noun/narrow": ([], [], []), "noun/broad": ([], [], [])}
    for contents in (
        list(calibration_contents(cache, noun_classes(), rng)),
        list(composites(cache, noun_classes(), COMPOSITES, rng)),
    ):
        asked = Questions(contents, extractor.extract([content.pixels for content in contents]))
        print(f"calibration: {len(contents)} pictures, {len(set(asked.noun))} nouns")
        every.append(asked)
        # As many pictures that do not show a noun as show it.
        keep = asked.shown | (rng.random(len(asked.shown)) < asked.weight)
        for broad, columns in enumerate(curves.values()):
            own = keep & (asked.broad == bool(broad))
            for column, values in zip(columns, (asked.margin, asked.shown, asked.noun), strict=True):
                column += values[own].tolist()
    fitted = {
        name: fit_curve(np.array(margins), np.array(shown), nouns) for name, (margins, shown, nouns) in curves.items()
    }
    for name, curve in fitted.items():
        print(f"{name}: {curve} from {len(curves[name][0])} questions")
    save_curves(fitted)
    not_seen(every, fitted["noun/narrow"], fitted["noun/broad"])


def chance_shown(margin: np.ndarray, is_broad: np.ndarray, narrow: Curve, broad: Curve) -> np.ndarray:
    """(m,) P(shown) of margins by the curve of narrow or of broad nouns."""
    shown: np.ndarray = expit(np.where(is_broad, broad.log_odds(margin)[0], narrow.log_odds(margin)[0]))
    return shown


def not_seen(every: list[Questions], narrow: Curve, broad: Curve) -> None:
    """Print how many nouns would be called not seen below several probabilities: shown ones, others, and wrongly of all."""
    print(f"called not seen of nouns that are shown; of others; wrongly, if {SHOWN:.0%} of the nouns asked are shown")
    for below in TRIED:
        rates = []
        for asked in every:
            called = chance_shown(asked.margin, asked.broad, narrow, broad) < below
            others = ~asked.shown
            rates.append((called[asked.shown].mean(), np.average(called[others], weights=asked.weight[others])))
        rows = [*rates, np.mean(rates, axis=0)]
        columns = (f"{shown:7.1%} {other:7.1%} {SHOWN * shown:7.1%}" for shown, other in rows)
        print(f"  below {below:4.2f}: " + "; ".join(columns))


def weighted_error(p: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal weight."""
    order = np.argsort(p)
    bins = np.minimum((np.cumsum(weight[order]) / weight.sum() * BINS).astype(int), BINS - 1)
    apart = np.bincount(bins, weights=(weight * (p - shown))[order])
    return float(np.abs(apart).sum() / weight.sum())


def figures(statistics: Mapping[str, Callable[[np.ndarray], float]], groups: np.ndarray) -> None:
    """Print statistics of numbers of questions, with intervals over (n,) groups of the questions, such as pictures."""
    for name, statistic in statistics.items():
        value, low, high = bootstrap(statistic, groups)
        print(f"  {name:34} {value:6.3f}  ({low:.3f} … {high:.3f})")


def usual_statistics(p: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> dict[str, Callable[[np.ndarray], float]]:
    """Statistics of (n,) P(shown) of questions."""
    return {
        "AUC over all questions": lambda i: float(roc_auc_score(shown[i], p[i], sample_weight=weight[i])),
        "missed (shown, below 0.5)": lambda i: float((p[i] < 0.5)[shown[i]].mean()),
        "false alarms (not shown, 0.5 up)": lambda i: float((p[i] >= 0.5)[~shown[i]].mean()),
        "calibration error, half shown": lambda i: weighted_error(p[i], shown[i], weight[i]),
    }


def report(title: str, asked: Questions, p: np.ndarray) -> None:
    """Print AUC, false alarms and calibration error."""
    nouns = sorted(set(asked.noun))
    each = [auc(p[asked.noun == noun], asked.shown[asked.noun == noun]) for noun in nouns]
    pictures = len(np.unique(asked.picture))
    print(f"{title}: {pictures} pictures, {len(nouns)} nouns, shown {int(asked.shown.sum())} times")
    figures(usual_statistics(p, asked.shown, asked.weight), asked.picture)
    print(f"  {'mean AUC of the nouns':34} {np.mean(each):6.3f}")


def worst(contents: list[Content], asked: Questions, p: np.ndarray, path: Path, count: int = 40) -> None:
    """Draw the worst misses, and then the worst false alarms."""
    missed = [i for i in np.argsort(p) if asked.shown[i]][:count]
    alarms = [i for i in np.argsort(-p) if not asked.shown[i]][:count]
    sheet(
        [
            (
                contents[asked.picture[i]].pixels,
                f"{'missed' if asked.shown[i] else 'alarm'}: {asked.noun[i]} {p[i]:.2f}",
            )
            for i in (*missed, *alarms)
        ],
        path,
        side=132,
        columns=10,
    )


def main() -> None:
    """Calibrate if asked to, measure and print."""
    arguments = command(__doc__, cache=True, flags=["calibrate"], sheet=None).parse_args()
    if arguments.calibrate:
        calibrate(arguments.cache, DeepExtractor.classes())
    source = NounSource.load()
    contents = list(reporting_contents(arguments.cache, noun_classes()))
    started = time.perf_counter()
    items = source.extractor.extract([content.pixels for content in contents])
    print(f"{1000 * (time.perf_counter() - started) / len(contents):.0f} ms a picture")
    for kind in ("photograph", "drawing"):
        chosen = [i for i, content in enumerate(contents) if content.kind == kind]
        asked = Questions([contents[i] for i in chosen], items[chosen])
        p = chance_shown(asked.margin, asked.broad, source.narrow, source.broad)
        report(f"{kind}s", asked, p)
        if arguments.sheet:
            worst([contents[i] for i in chosen], asked, p, arguments.sheet.with_stem(f"{arguments.sheet.stem}-{kind}s"))


if __name__ == "__main__":
    main()
