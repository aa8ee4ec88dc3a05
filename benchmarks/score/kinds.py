"""Measures the technical score and its detectors by kind of picture, size and fault, beside classical metrics.

Pictures are those of quality_pictures.py from the sources that the score was not learnt from, at sizes from 64 to 1,400
pixels; where the data of opinions.py are there, those of published.py too, and with the weights of autoencoders.py
what decoders make of some of all these. Printed are, by fault, kind and size, mean scores, in which share of pairs an undamaged picture scores
above its own damaged version, and what is suspected and named rightly; false alarms; whether scores of undamaged
pictures have a trend with size, colourfulness or style; what the embedded model draws with each quality word; and what
the unit spaces and the detectors reach alone.

With --peers the same pairs are judged by NIQE (its 36 features, its choice of patches, and a unit space from the same
learning sources, because its published model is a download) and by the blur score of cleanvision.

With --resaved pictures that were poor JPEGs are judged by the quality of the first JPEG and by how they were saved again.

With --small pictures are reduced to 16 to 96 pixels, to see from which size on they can be judged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import bootstrap, command, print_table
from soart.benchmarks.data import quality_pictures
from soart.benchmarks.data.damage import FAULTS, NAMED_AS, as_jpeg
from soart.benchmarks.data.published import published_sources
from soart.benchmarks.data.quality_pictures import (
    BAD_WORDS,
    DECODED,
    EMBEDDED,
    FEW_STEPS,
    GOOD_WORDS,
    LIGHT,
    SMEARED,
    UNFINISHED,
    Table,
    Version,
    damaged_each,
    in_bytes,
    seeded,
    undamaged,
    versions,
)
from soart.benchmarks.data.sources import ART, DRAWING, PHOTOGRAPH, WEB, Source, learning_sources, unseen_sources
from soart.benchmarks.score.brisque import brisque_features
from soart.metrics.damage.technical import DETECTORS, TechnicalJudge, costs
from soart.metrics.items.quality import RUNGS, QualityExtractor
from soart.metrics.protocols import Extractor

SEED = 77
KINDS = (PHOTOGRAPH, DRAWING, EMBEDDED, WEB, ART)
#: Side of NIQE's patches, and the share of the sharpest patch's contrast that a patch needs.
PATCH, CONTRAST = 96, 0.75
#: Qualities of a first JPEG, and ways of saving it again.
FIRST = (20, 30, 40, 50, 60)
AGAIN = ("PNG", "JPEG, same blocks", "cropped, PNG", "cropped, JPEG")
#: Longest sides in pixels to see from which size on pictures can be judged, and fewest pixels of the shortest side.
SMALL, SHORTEST = (16, 24, 32, 40, 48, 64, 96), 12


def measured(cache: Path) -> Table:
    """The pictures of unseen sources and new drawings of the embedded model; kept in the cache."""

    def measure(extractor: Extractor) -> list[Version]:
        found = quality_pictures.of_sources(unseen_sources(cache), SEED, extractor)
        found += quality_pictures.of_embedded_model(SEED, extractor)
        return found + quality_pictures.of_too_few_steps(SEED, extractor)

    return Table.stored("kinds", SEED, cache, measure)


def published(cache: Path) -> Table:
    """The published pictures that the score was not learnt from; kept in the cache."""
    sources = published_sources(cache, learning=False)
    return Table.stored("kinds-published", SEED, cache, lambda e: quality_pictures.of_sources(sources, SEED, e))


def decoded(cache: Path) -> Table:
    """Pictures of unseen sources and some published ones, as they are and after passes through decoders; kept in the cache."""
    sources = [*unseen_sources(cache), *published_sources(cache, learning=False)[:: quality_pictures.SOME_DECODED]]
    return Table.stored("kinds-decoded", SEED, cache, lambda e: quality_pictures.of_decoded(sources, SEED, e, cache))


def judged(judge: TechnicalJudge, measured: Table) -> tuple[Table, np.ndarray, pd.DataFrame]:
    """The table with quality items alone, points (n,), and what each picture is and how it was judged."""
    data, points = measured.of_quality(), judge.score(measured.items)
    evidence = judge.model.evidence(data.items)
    found = np.where(evidence.max(axis=0) > 1, np.array(DETECTORS)[evidence.argmax(axis=0)], "none")
    frame = pd.DataFrame(
        {
            "kind": data.kind, "fault": data.fault, "how": data.how, "size": data.items[:, 0].astype(int), "clean": data.clean,
            "points": points, "right": np.where(data.clean, np.nan, points[data.base] > points), "found": found, "suspected": found != "none",
            "rightly": found == np.array([NAMED_AS.get(fault, fault) for fault in data.fault]),
        }
    )  # fmt: skip
    return data, points, frame


def right_pairs(data: Table, points: np.ndarray, rows: np.ndarray) -> float:
    """Share of damaged pictures, (n,) bool, that score below the undamaged picture they were made from."""
    return float(np.mean(points[data.base[rows]] > points[rows]))


def table_of_faults(frame: pd.DataFrame, kind: str) -> None:
    """Print a row for each fault: by size; of one kind of pictures, or of all if ``kind`` is empty."""
    chosen = frame[(frame.fault.isin(FAULTS) & (frame.how != "drawn")) | (frame.clean & (frame.how == LIGHT[0]))]
    chosen = chosen[chosen.kind == kind] if kind else chosen
    for value in ("points", "right", "suspected", "rightly"):
        table = chosen.pivot_table(value, "fault", "size", margins=True, margins_name="all").astype(float)
        print_table(f"{value}, {kind or 'all kinds'}", table.reindex(["none", *FAULTS, "all"]))
    damaged = chosen[~chosen.clean]
    print("pairs right without over-smoothing:", round(damaged[damaged.fault != "smooth"].right.mean(), 3),
          "of 256 pixels and more:", round(damaged[damaged["size"] >= 256].right.mean(), 3))  # fmt: skip


def table_of_parts(data: Table, points: np.ndarray, judge: TechnicalJudge) -> None:
    """Print what parts of the technical score reach alone: within pairs, and across pictures."""
    faults = costs(judge.model, data.items)
    alone = {
        "unit spaces": -judge.model.strangeness(data.items),
        "detectors": -faults[:-1].sum(axis=0),
        "both": -faults.sum(axis=0),
        "technical score": points,
    }
    damaged = ~data.clean & (data.fault != UNFINISHED) & (data.how != "drawn")
    across = damaged | data.clean
    rows = {
        label: {
            "pairs right": right_pairs(data, values, damaged),
            "AUC, damaged and undamaged": roc_auc_score(data.clean[across], values[across]),
        }
        for label, values in alone.items()
    }
    print_table("alone", rows)


def table_of_steps(data: Table, frame: pd.DataFrame) -> None:
    """Print a row for each number of steps that is too small for the embedded model."""
    unfinished = frame[data.fault == UNFINISHED]
    strength = data.strength[data.fault == UNFINISHED]
    rows = {
        f"{steps} steps": unfinished[strength == (FEW_STEPS[0] - steps) / (FEW_STEPS[0] - 1)][
            ["points", "right", "suspected", "rightly"]
        ].mean()
        for steps in FEW_STEPS
    }
    print_table("too few steps", pd.DataFrame(rows).T)
    sound = frame[frame.clean & (frame.kind == EMBEDDED)]
    print(f"called unfinished, undamaged drawings: {(sound.found == UNFINISHED).mean():.3f} of {len(sound)}")


def table_of_decoded(data: Table, points: np.ndarray, frame: pd.DataFrame) -> None:
    """Print what one pass through a decoder changes, which is undamaged, and what several do, by size and kind."""
    pairs = data.fault == SMEARED
    groups = {f"{size} pixels": frame["size"] == size for size in RUNGS}
    groups |= {kind: data.kind == kind for kind in KINDS if kind != EMBEDDED} | {"all": np.ones_like(pairs)}
    rows = {}
    for title, group in groups.items():
        # Once and often are in the same order.
        as_is, once, often = group & (data.how == LIGHT[0]) & data.clean, group & (data.how == DECODED), group & pairs
        rows[title] = {
            "pictures": often.sum(),
            **{f"points {how}": points[of].mean() for how, of in (("as is", as_is), ("once", once), ("often", often))},
            **{f"false alarms {how}": frame.suspected[of].mean() for how, of in (("as is", as_is), ("once", once))},
            "pairs right": right_pairs(data, points, often),
            "once ahead of often": np.mean(points[once] > points[often]),
        }
    print_table("decoded", rows)


def middle_size(source: Source) -> np.ndarray | None:
    """An undamaged picture of a source with 512 to 800 pixels; None if it is too small."""
    return next((p for p in undamaged(source, seeded(source.name, SEED)) if 512 <= max(p.shape[:2]) <= 800), None)


def saved_again(once: np.ndarray, way: str, rng: np.random.Generator) -> np.ndarray:
    """A decoded JPEG, saved again in one of the ways of AGAIN."""
    if way.startswith("cropped"):
        row, column = rng.integers(1, 8, 2)
        once = once[row:, column:]
    return as_jpeg(once, int(rng.integers(75, 96))) if "JPEG" in way else once


def table_of_resaved(cache: Path, judge: TechnicalJudge) -> None:
    """Print how many poor JPEGs of each quality are suspected, and named as JPEG, by how they were saved again."""
    rng, extractor = np.random.default_rng(SEED), QualityExtractor()
    pictures = [p for s in unseen_sources(cache) if (p := middle_size(s)) is not None]

    def evidence(shown: list[np.ndarray]) -> np.ndarray:
        return judge.model.evidence(np.concatenate([extractor.extract(in_bytes(picture)) for picture in shown]))

    rows: dict[str, dict[str, float]] = {way: {} for way in AGAIN}
    for way, quality in product(AGAIN, FIRST):
        found = evidence([saved_again(as_jpeg(p, quality), way, rng) for p in pictures])
        suspected = found.max(axis=0) > 1
        rows[way] |= {
            f"{quality} suspected": suspected.mean(),
            f"{quality} named": np.mean(suspected & (found.argmax(axis=0) == DETECTORS.index("jpeg"))),
        }
    print_table(f"poor JPEGs of {len(pictures)} pictures, saved again as JPEG of quality 75 to 95", rows)
    for low, high in ((85, 95), (70, 80)):
        found = evidence([as_jpeg(p, int(rng.integers(low, high + 1))) for p in pictures])
        print(f"saved once at quality {low} to {high}: {np.mean(found.max(axis=0) > 1):.2f} suspected")


def table_of_small(cache: Path, judge: TechnicalJudge) -> None:
    """Print in which share of pairs a small picture scores above its damaged version, by size, too small ones included."""
    pictures = [(s, p) for s in unseen_sources(cache) if (p := middle_size(s)) is not None]
    found = []
    for side, (source, picture) in product(SMALL, pictures):
        size = tuple(round(n * side / max(picture.shape[:2])) for n in picture.shape[1::-1])
        if min(size) < SHORTEST:
            continue
        small = np.asarray(Image.fromarray(in_bytes(picture)).resize(size, Image.Resampling.LANCZOS)) / np.float32(255)
        rng = seeded(f"{source.name} {side}", SEED)
        of = list(versions(small, source.name, source.kind, 0, rng, tuple(FAULTS), judge.extractor))
        cost = judge.technometric(np.stack([version.items for version in of]))
        # The first version is the undamaged picture as it is.
        found += [(side, v.fault, one > cost[0]) for v, one in zip(of, cost, strict=True) if v.fault in FAULTS]
    frame = pd.DataFrame(found, columns=["side", "fault", "right"])
    table = frame.pivot_table("right", "side", "fault", margins=True, margins_name="all").astype(float)
    print_table(f"pairs right of {len(pictures)} pictures, reduced", table)


def table_of_kinds(data: Table, points: np.ndarray, frame: pd.DataFrame) -> None:
    """Print false alarms and trends of undamaged pictures."""
    for title, of in (("undamaged pictures", "count"), ("false alarms", "mean")):
        table = frame[frame.clean].pivot_table(
            "suspected", "kind", "size", aggfunc=of, margins=True, margins_name="all"
        )
        print_table(title, table.astype(float))
    rows = {}
    for style, of in data.undamaged_by_style.items():
        traits = {"colourfulness": data.chroma} | ({} if style == EMBEDDED else {"size": data.side})
        rows[style] = {"pictures": len(of), "points": points[of].mean(), "deviation": points[of].std(ddof=1)} | {
            title: trend(points[of], trait[of], data.source[of]) for title, trait in traits.items()
        }
    print_table("undamaged, as they are, with rank correlations of points", rows)


def trend(points: np.ndarray, trait: np.ndarray, source: np.ndarray) -> str:
    """Rank correlation of (n,) points with a trait, and its 95 % interval by a bootstrap over (n,) sources."""
    value, low, high = bootstrap(lambda i: spearmanr(points[i], trait[i]).statistic, source, 1000, SEED)
    return f"{value:+.2f} ({low:+.2f} … {high:+.2f})"


def table_of_words(data: Table, points: np.ndarray) -> None:
    """Print mean scores of the embedded model's drawings by quality word and by style, and how often damaged ones are ahead."""
    scores = {
        word: points[rows]
        for words, drawn in zip((GOOD_WORDS, BAD_WORDS), data.drawings_by_word(), strict=True)
        for word, rows in zip(words, np.moveaxis(drawn, 2, 0), strict=True)
    }
    rows = {
        word or "no word": {"points": column.mean(), "deviation": column.std(ddof=1)}
        | {f"above {good or 'plain'}": np.mean(column > scores[good]) for good in GOOD_WORDS if word in BAD_WORDS}
        for word, column in scores.items()
    }
    print_table(
        "drawings of the embedded model, and the share ahead of the undamaged one of one subject and style", rows
    )


def patches(pixels: np.ndarray) -> np.ndarray:
    """BRISQUE features (m, 36) of the patches of a picture that NIQE would choose."""
    tiles = [
        pixels[y : y + PATCH, x : x + PATCH]
        for y in range(0, pixels.shape[0] - PATCH + 1, PATCH)
        for x in range(0, pixels.shape[1] - PATCH + 1, PATCH)
    ]
    contrast = np.array([tile.mean(axis=2).std() for tile in tiles])
    return np.stack(
        [brisque_features(t) for t, c in zip(tiles, contrast, strict=True) if c >= CONTRAST * contrast.max()]
    )


def niqe_of(cache: Path) -> Callable[[np.ndarray], float]:
    """NIQE with a unit space of the learning sources, its sign changed: higher is better."""
    good = [patches(in_bytes(p)) for s in learning_sources(cache)[::2] if (p := middle_size(s)) is not None]
    unit = np.concatenate(good)
    mean, covariance = unit.mean(axis=0), np.cov(unit.T)

    def niqe(pixels: np.ndarray) -> float:
        own = patches(pixels)
        pooled = (covariance + (np.cov(own.T) if len(own) > 1 else covariance)) / 2
        apart = own.mean(axis=0) - mean
        return -float(np.sqrt(apart @ np.linalg.pinv(pooled) @ apart))

    return niqe


def peers(cache: Path, judge: TechnicalJudge) -> None:
    """Print pairs right of soart, NIQE and cleanvision on one picture of 512 to 800 pixels of each unseen source."""
    niqe = niqe_of(cache)
    pictures = [p for s in unseen_sources(cache) if (p := middle_size(s)) is not None]
    rng, found = np.random.default_rng(SEED), []
    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(pictures):
            shown = damaged_each(picture, rng)
            files = [Path(folder) / f"{number:04}-{k}.png" for k in range(len(shown))]
            for file, pixels in zip(files, shown, strict=True):
                Image.fromarray(pixels).save(file)
            own = judge.score(judge.extractor.extract(np.stack(shown)))
            scores = {"soart": own, "NIQE": [niqe(pixels) for pixels in shown], "cleanvision": blur_scores(files)}
            found += [
                (fault, name, of[0] > of[k]) for name, of in scores.items() for k, fault in enumerate(FAULTS, start=1)
            ]
    table = pd.DataFrame(found, columns=["fault", "score", "right"]).pivot_table(
        "right", "fault", "score", margins=True
    )
    print_table(f"pairs right, {len(pictures)} pictures of 512 to 800 pixels", table.astype(float))


def blur_scores(files: list[Path]) -> list[float]:
    """The blur score of cleanvision for each file, higher is sharper."""
    from cleanvision import Imagelab

    lab = Imagelab(filepaths=[str(file) for file in files])
    lab.find_issues({"blurry": {}}, n_jobs=1, verbose=False)
    return [float(lab.issues.loc[str(file), "blurry_score"]) for file in files]


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, cache=True, flags=("peers", "resaved", "small")).parse_args()
    judge = TechnicalJudge.load()
    data, points, frame = judged(judge, measured(arguments.cache))
    print(f"{len(data.kind)} pictures of {len(set(data.source))} sources")
    for kind in ("", PHOTOGRAPH, DRAWING, EMBEDDED):
        table_of_faults(frame, kind)
    table_of_parts(data, points, judge)
    table_of_kinds(data, points, frame)
    table_of_words(data, points)
    table_of_steps(data, frame)
    if all((arguments.cache / folder).is_dir() for folder in ("oasis", "opinions", "choices")):
        others, points, frame = judged(judge, published(arguments.cache))
        for kind in (WEB, ART):
            table_of_faults(frame, kind)
        table_of_kinds(others, points, frame)
        if (arguments.cache / "autoencoders").is_dir():
            table_of_decoded(*judged(judge, decoded(arguments.cache)))
    if arguments.resaved:
        table_of_resaved(arguments.cache, judge)
    if arguments.small:
        table_of_small(arguments.cache, judge)
    if arguments.peers:
        peers(arguments.cache, judge)


if __name__ == "__main__":
    main()
