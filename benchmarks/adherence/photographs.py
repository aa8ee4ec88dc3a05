"""Measures adherence on photographs: nouns of ImageNet, and nouns that are none.

    python benchmarks/adherence/photographs.py [--calibrate] [--sheet FILE.png]

The curves are fitted with --calibrate to learning sources and to stamps of tuxpaint, one or several in a picture; all
figures are of other packages.
A noun is asked of the pictures that show it and, with the same weight in all, of those that show nothing of it. Nouns
that share a class with what a picture shows are not asked of it. Intervals are 95 % by bootstrap over pictures.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.special import expit

from soart.benchmarks.adherence.embedded_model import auc, interval
from soart.benchmarks.common import command
from soart.benchmarks.data.contents import Content, calibration_contents, composites, implied, reporting_contents
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.nouns import noun_classes
from soart.pipelines.judges.adherence import AdherenceJudge
from soart.pipelines.judges.calibration import Curve
from soart.pipelines.judges.nouns import NounSource, noun_margin
from soart.training.curves import fit_curve, save_curves

#: Nouns that ImageNet has no class for; every one must be answered with "cannot tell".
NONE = (
    "woman", "man", "child", "tree", "forest", "river", "sky", "city", "house", "flower", "rose", "sunset", "dragon",
    "knight", "robot", "ghost", "moon", "star", "fire", "snow", "road", "garden", "windmill", "pyramid", "scissors",
    "pliers", "fork", "skeleton", "wizard", "unicorn",
)  # fmt: skip
BINS = 10
#: Share of the nouns of people's prompts that pictures show, and probabilities that are tried as the one below which a noun is
#: called not seen.
SHOWN, TRIED = 0.8, (0.1, 0.12, 0.15, 0.2, 0.3)
#: Pictures of several things to calibrate on, about as many as those of one thing.
COMPOSITES = 400


class Questions:
    """Nouns asked of pictures.

    Attributes:
        picture, noun: (m,) number of the picture, and the noun.
        shown: (m,) bool.
        weight: (m,), so that shown and not shown weigh the same for every noun.
        margin: (m,).
    """

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


def weighted_auc(p: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> float:
    """AUC of weighted questions."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(shown, p, sample_weight=weight))


def weighted_error(p: np.ndarray, shown: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal weight."""
    order = np.argsort(p)
    bins = np.minimum((np.cumsum(weight[order]) / weight.sum() * BINS).astype(int), BINS - 1)
    error = 0.0
    for number in range(BINS):
        own = order[bins == number]
        if len(own):
            error += abs((weight[own] * (p[own] - shown[own])).sum())
    return float(error / weight.sum())


def report(title: str, asked: Questions, p: np.ndarray) -> None:
    """Print AUC, false alarms and calibration error."""
    numbers = np.unique(asked.picture)
    rows_of = [np.flatnonzero(asked.picture == number) for number in numbers]

    def over(statistic):  # noqa: ANN001, ANN202
        return interval(lambda i: statistic(np.concatenate([rows_of[k] for k in i])), len(numbers))

    nouns = sorted(set(asked.noun))
    each = [auc(p[asked.noun == noun], asked.shown[asked.noun == noun]) for noun in nouns]
    print(f"{title}: {len(numbers)} pictures, {len(nouns)} nouns, shown {int(asked.shown.sum())} times")
    for name, statistic in (
        ("AUC over all questions", lambda i: weighted_auc(p[i], asked.shown[i], asked.weight[i])),
        ("missed (shown, below 0.5)", lambda i: float((p[i] < 0.5)[asked.shown[i]].mean())),
        ("false alarms (not shown, 0.5 up)", lambda i: float((p[i] >= 0.5)[~asked.shown[i]].mean())),
        ("calibration error, half shown", lambda i: weighted_error(p[i], asked.shown[i], asked.weight[i])),
    ):
        value, low, high = over(statistic)
        print(f"  {name:34} {value:6.3f}  ({low:.3f} … {high:.3f})")
    print(f"  {'mean AUC of the nouns':34} {np.mean(each):6.3f}")


def worst(contents: list[Content], asked: Questions, p: np.ndarray, path: Path, count: int = 40) -> None:
    """Draw the worst misses and the worst false alarms."""
    missed = [i for i in np.argsort(p) if asked.shown[i]][:count]
    alarms = [i for i in np.argsort(-p) if not asked.shown[i]][:count]
    tile, columns = 132, 10
    sheet = Image.new("RGB", (columns * tile, 2 * (-(-count // columns)) * (tile + 14) + 20), "white")
    pen = ImageDraw.Draw(sheet)
    for half, rows in enumerate((missed, alarms)):
        for k, i in enumerate(rows):
            y, x = divmod(k, columns)
            top = (y + half * -(-count // columns)) * (tile + 14) + 20 * half
            picture = Image.fromarray(contents[asked.picture[i]].pixels)
            picture.thumbnail((tile - 4, tile - 4))
            sheet.paste(picture, (x * tile, top))
            pen.text((x * tile, top + tile - 3), f"{asked.noun[i]} {p[i]:.2f}", fill="red" if half else "black")
    sheet.save(path)
    print(f"written: {path} (above: missed; below: false alarms)")


def main() -> None:
    """Calibrate if asked to, measure and print."""
    arguments = command(__doc__, cache=True, flags=["calibrate"], sheet=None).parse_args()
    if arguments.calibrate:
        calibrate(arguments.cache, DeepExtractor.classes())
    source = NounSource.load()
    judge = AdherenceJudge([source])
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
    told = [noun for noun in NONE if any(s is not None for _, s in judge.phrases(f"a {noun}", (512, 512)))]
    print(f"nouns that are none: {1 - len(told) / len(NONE):.3f} of {len(NONE)} cannot be told; told: {told}")


if __name__ == "__main__":
    main()
