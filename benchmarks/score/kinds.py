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
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command
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


def judged(judge: TechnicalJudge, measured: Table) -> tuple[Table, np.ndarray, np.ndarray]:
    """The table with quality items alone, points (n,), and number of the suspected fault (n,), −1 for none."""
    data = measured.of_quality()
    evidence = judge.model.evidence(data.items)
    return data, judge.score(measured.items), np.where(evidence.max(axis=0) > 1, evidence.argmax(axis=0), -1)


def right_pairs(data: Table, points: np.ndarray, rows: np.ndarray) -> float:
    """Share of damaged pictures, (n,) bool or (m,) numbers, that score below the undamaged picture they were made from."""
    return float(np.mean(points[data.base[rows]] > points[rows]))


def table_of_faults(data: Table, points: np.ndarray, found: np.ndarray, kind: str) -> None:
    """Print a row for each fault: by size; of one kind of pictures, or of all if ``kind`` is empty."""
    chosen = (data.how != "drawn") & ((data.kind == kind) | (kind == ""))
    rung = data.items[:, 0].astype(int)
    sizes = [r for r in RUNGS if (chosen & (rung == r)).any()]
    wide = max(7 * len(sizes), 12) + 2

    def line(*columns: Sequence[str]) -> str:
        return "".join(f"{''.join(f'{cell:>7}' for cell in column):>{wide}}" for column in columns)

    print(
        f"\n{kind or 'all kinds'}: {np.sum(chosen & (data.fault == 'none') & (data.how == LIGHT[0]))} undamaged pictures"
    )
    titles = "".join(f"{title:>{wide}}" for title in ("mean score", "pairs right", "suspected", "rightly"))
    print(f"{'':10}{titles}   all sizes: suspected, rightly")
    print(f"{'':10}{line(*[[str(r) for r in sizes]] * 4)}")
    for fault in ("none", *FAULTS):
        rows = chosen & (data.fault == fault)
        if fault == "none":
            rows &= data.how == LIGHT[0]
        parts = [np.flatnonzero(rows & (rung == r)) for r in sizes]
        means = [f"{points[part].mean():.1f}" for part in parts]
        suspected = [f"{np.mean(found[part] >= 0):.2f}" for part in parts]
        if fault == "none":
            print(f"{fault:10}{line(means, [], suspected, [])}{np.mean(found[rows] >= 0):14.2f}")
            continue
        named = found == DETECTORS.index(NAMED_AS.get(fault, fault))
        pairs = [f"{right_pairs(data, points, part):.2f}" for part in parts]
        rightly = [f"{np.mean(named[part]):.2f}" for part in parts]
        print(
            f"{fault:10}{line(means, pairs, suspected, rightly)}{np.mean(found[rows] >= 0):14.2f} {np.mean(named[rows]):8.2f}"
        )
    damaged = chosen & ~np.isin(data.fault, ("none", UNFINISHED))
    for label, rows in (("all", damaged), ("256 pixels and more", damaged & (rung >= 256))):
        if rows.any():
            known = right_pairs(data, points, rows & (data.fault != "smooth"))
            print(f"pairs right, {label}: {right_pairs(data, points, rows):.3f}; without over-smoothing {known:.3f}")


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
    print(f"\n{'alone':22} {'pairs right':>11} {'AUC, damaged and undamaged':>27}")
    for label, values in alone.items():
        auc = roc_auc_score(data.clean[across], values[across])
        print(f"{label:22} {right_pairs(data, values, damaged):11.3f} {auc:27.3f}")


def table_of_steps(data: Table, points: np.ndarray, found: np.ndarray) -> None:
    """Print a row for each number of steps that is too small for the embedded model."""
    print(
        f"\n{'steps':6} {'pictures':>9} {'mean score':>11} {'pairs right':>12} {'suspected':>10} {'as unfinished':>14}"
    )
    for steps in FEW_STEPS:
        strength = (FEW_STEPS[0] - steps) / (FEW_STEPS[0] - 1)
        rows = np.flatnonzero((data.fault == UNFINISHED) & (data.strength == strength))
        print(
            f"{steps:<6} {len(rows):9} {points[rows].mean():11.1f} {right_pairs(data, points, rows):12.2f} "
            f"{np.mean(found[rows] >= 0):10.2f} {np.mean(found[rows] == DETECTORS.index(UNFINISHED)):14.2f}"
        )
    rows = data.clean & (data.kind == EMBEDDED)
    wrong = np.mean(found[rows] == DETECTORS.index(UNFINISHED))
    print(f"called unfinished, undamaged drawings: {wrong:.3f} of {rows.sum()}")


def table_of_decoded(data: Table, points: np.ndarray, found: np.ndarray) -> None:
    """Print what one pass through a decoder changes, which is undamaged, and what several do, by size and kind."""
    rung, pairs = data.items[:, 0].astype(int), data.fault == SMEARED
    groups = {str(r): rung == r for r in RUNGS} | {kind: data.kind == kind for kind in KINDS if kind != EMBEDDED}
    print(
        f"\n{'decoded':16}{'pictures':>9}{'mean score: as is, once, often':>32}{'false alarms: as is, once':>27}"
        f"{'pairs right':>13}{'once ahead of often':>21}{'suspected':>11}"
    )
    for title, group in (groups | {"all": np.ones_like(pairs)}).items():
        # Once and often are in the same order.
        as_is, once, often = group & (data.how == LIGHT[0]) & data.clean, group & (data.how == DECODED), group & pairs
        means = "".join(f"{points[rows].mean():8.1f}" for rows in (as_is, once, often))
        alarms = "".join(f"{np.mean(found[rows] >= 0):9.3f}" for rows in (as_is, once))
        print(
            f"{title:16}{often.sum():9}{means:>32}{alarms:>27}{right_pairs(data, points, often):13.3f}"
            f"{np.mean(points[once] > points[often]):21.3f}{np.mean(found[often] >= 0):11.2f}"
        )


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
    print(f"\nsuspected, and named as JPEG, {len(pictures)} pictures; saved again as JPEG of quality 75 to 95")
    print(f"{'first quality':18}" + "".join(f"{quality:>14}" for quality in FIRST))
    for way in AGAIN:
        row = ""
        for quality in FIRST:
            shown = [in_bytes(saved_again(as_jpeg(p, quality), way, rng)) for p in pictures]
            evidence = judge.model.evidence(np.concatenate([extractor.extract(pixels) for pixels in shown]))
            named = (evidence.argmax(axis=0) == DETECTORS.index("jpeg")) & (evidence.max(axis=0) > 1)
            row += f"{np.mean(evidence.max(axis=0) > 1):7.2f}{named.mean():7.2f}"
        print(f"{way:18}{row}")
    for low, high in ((85, 95), (70, 80)):
        shown = [in_bytes(as_jpeg(p, int(rng.integers(low, high + 1)))) for p in pictures]
        evidence = judge.model.evidence(np.concatenate([extractor.extract(pixels) for pixels in shown]))
        print(f"saved once at quality {low} to {high}: {np.mean(evidence.max(axis=0) > 1):.2f} suspected")


def table_of_small(cache: Path, judge: TechnicalJudge) -> None:
    """Print in which share of pairs a small picture scores above its damaged version, by size, too small ones included."""
    pictures = [(s, p) for s in unseen_sources(cache) if (p := middle_size(s)) is not None]
    print(f"\npairs right of small pictures, {len(pictures)} pictures reduced")
    print(f"{'pixels':10}" + "".join(f"{fault:>10}" for fault in FAULTS) + f"{'all':>10}")
    for side in SMALL:
        right: dict[str, list[bool]] = {fault: [] for fault in FAULTS}
        for source, picture in pictures:
            size = tuple(round(n * side / max(picture.shape[:2])) for n in picture.shape[1::-1])
            if min(size) < SHORTEST:
                continue
            small = np.asarray(Image.fromarray(in_bytes(picture)).resize(size, Image.Resampling.LANCZOS)) / np.float32(
                255
            )
            rng = seeded(f"{source.name} {side}", SEED)
            found = list(versions(small, source.name, source.kind, 0, rng, tuple(FAULTS), judge.extractor))
            costs_of = judge.technometric(np.stack([version.items for version in found]))
            # The first version is the undamaged picture as it is.
            for version, cost in zip(found, costs_of, strict=True):
                if version.fault in right:
                    right[version.fault].append(bool(cost > costs_of[0]))
        row = "".join(f"{np.mean(right[fault]):10.2f}" for fault in FAULTS)
        print(f"{side:<10}{row}{np.mean(np.concatenate(list(right.values()))):10.3f}")


def table_of_kinds(data: Table, points: np.ndarray, found: np.ndarray) -> None:
    """Print false alarms and trends of undamaged pictures."""
    rung = data.items[:, 0].astype(int)
    print(f"\n{'undamaged':12} {'pictures':>9} {'mean score':>11} {'deviation':>10} {'false alarms':>13}")
    for kind in KINDS:
        for r in RUNGS:
            rows = data.clean & (data.kind == kind) & (rung == r)
            if rows.any():
                print(
                    f"{kind} {r:<6} {rows.sum():9} {points[rows].mean():11.1f} {points[rows].std():10.1f} "
                    f"{np.mean(found[rows] >= 0):13.3f}"
                )
    present = [kind for kind in KINDS if (data.kind == kind).any()]
    for kind in present:
        print(f"false alarms, {kind}: {np.mean(found[data.clean & (data.kind == kind)] >= 0):.3f}")
    print(
        f"\n{'undamaged, as they are':24} {'pictures':>8} {'mean score':>11} {'deviation':>10}   rank correlations of scores"
    )
    chroma = data.chroma
    for style, rows in data.undamaged_by_style.items():
        traits = {"colourfulness": chroma} | ({} if style == EMBEDDED else {"size": data.side})
        trends = (f"{title} {trend(points[rows], trait[rows], data.source[rows])}" for title, trait in traits.items())
        print(
            f"{style:24} {len(rows):8} {points[rows].mean():11.1f} {points[rows].std(ddof=1):10.1f}   {', '.join(trends)}"
        )


def trend(points: np.ndarray, trait: np.ndarray, source: np.ndarray, repetitions: int = 1000) -> str:
    """Rank correlation of (n,) points with a trait, and its 95 % interval by a bootstrap over (n,) sources."""
    rng, rows = np.random.default_rng(SEED), [np.flatnonzero(source == one) for one in np.unique(source)]
    drawn = (np.concatenate([rows[k] for k in rng.integers(len(rows), size=len(rows))]) for _ in range(repetitions))
    low, high = np.quantile([spearmanr(points[some], trait[some]).statistic for some in drawn], (0.025, 0.975))
    return f"{spearmanr(points, trait).statistic:+.2f} ({low:+.2f} … {high:+.2f})"


def table_of_words(data: Table, points: np.ndarray) -> None:
    """Print mean scores of the embedded model's drawings by quality word and by style, and how often damaged ones are ahead."""
    scores = {
        word: points[rows]
        for words, drawn in zip((GOOD_WORDS, BAD_WORDS), data.drawings_by_word(), strict=True)
        for word, rows in zip(words, np.moveaxis(drawn, 2, 0), strict=True)
    }
    print(
        "\ndrawings of the embedded model; below, the share of those of one subject and style that are ahead of the undamaged one"
    )
    print(f"{'':12}" + "".join(f"{word or 'no word':>10}" for word in scores))
    print(f"{'mean score':12}" + "".join(f"{column.mean():10.1f}" for column in scores.values()))
    print(f"{'deviation':12}" + "".join(f"{column.std(ddof=1):10.1f}" for column in scores.values()))
    for good in GOOD_WORDS:
        ahead = "".join(f"{np.mean(scores[bad] > scores[good]):10.3f}" for bad in BAD_WORDS)
        print(f"{'above ' + (good or 'plain'):12}{'':{10 * len(GOOD_WORDS)}}{ahead}  of {scores[good].size}")


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
    right: dict[str, dict[str, list[bool]]] = {
        name: {f: [] for f in FAULTS} for name in ("soart", "NIQE", "cleanvision")
    }
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        files, owners = [], []
        for number, picture in enumerate(pictures):
            versions = dict(zip(("none", *FAULTS), damaged_each(picture, rng), strict=True))
            own = judge.score(judge.extractor.extract(np.stack(list(versions.values()))))
            theirs = [niqe(pixels) for pixels in versions.values()]
            for k, (fault, pixels) in enumerate(versions.items()):
                files.append(Path(folder) / f"{number:04}-{fault}.png")
                owners.append((number, fault))
                Image.fromarray(pixels).save(files[-1])
                if k:
                    right["soart"][fault].append(bool(own[0] > own[k]))
                    right["NIQE"][fault].append(theirs[0] > theirs[k])
        sharp = blur_scores(files)
        by_owner = dict(zip(owners, sharp, strict=True))
        for number, fault in owners:
            if fault != "none":
                right["cleanvision"][fault].append(by_owner[number, "none"] > by_owner[number, fault])
    print(f"\npairs right, {len(pictures)} pictures of 512 to 800 pixels")
    print(f"{'':10}" + "".join(f"{name:>13}" for name in right))
    for fault in FAULTS:
        print(f"{fault:10}" + "".join(f"{np.mean(values[fault]):13.2f}" for values in right.values()))
    print(f"{'all':10}" + "".join(f"{np.mean([v for f in FAULTS for v in r[f]]):13.2f}" for r in right.values()))


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
    data, points, found = judged(judge, measured(arguments.cache))
    print(
        f"{len(data.kind)} pictures of {len(set(data.source))} sources; of the embedded model's subjects the score has learnt from other drawings"
    )
    for kind in ("", PHOTOGRAPH, DRAWING, EMBEDDED):
        table_of_faults(data, points, found, kind)
    table_of_parts(data, points, judge)
    table_of_kinds(data, points, found)
    table_of_words(data, points)
    table_of_steps(data, points, found)
    if all((arguments.cache / folder).is_dir() for folder in ("oasis", "opinions", "choices")):
        others, points_of_others, found = judged(judge, published(arguments.cache))
        for kind in (WEB, ART):
            table_of_faults(others, points_of_others, found, kind)
        table_of_kinds(others, points_of_others, found)
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
