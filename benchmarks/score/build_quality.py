"""Learns the technical score: unit spaces and detectors, and measures them on sources that were left out.

Learning pictures are those of quality_pictures.py: two of three sources of sources.py, one half of the pictures of
published.py (whose data must be there), and drawings of the embedded model and its renderer. The printed rate is on
left-out sources (grouped cross-validation); kinds.py measures the stored model on the sources that were not learnt from.
With --without nothing is learnt from domains of published.py, such as faces, and it is printed how many of their undamaged
pictures are suspected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import GroupKFold

import soart.metrics.damage.technical as technical
from soart.benchmarks.common import command
from soart.benchmarks.data import quality_pictures
from soart.benchmarks.data.damage import NAMED_AS
from soart.benchmarks.data.published import domains_of, published_sources
from soart.benchmarks.data.quality_pictures import EMBEDDED, SMEARED, Table, Version
from soart.benchmarks.data.sources import ART, DRAWING, PHOTOGRAPH, WEB, learning_sources
from soart.metrics.attention.version_d import inverse_root
from soart.metrics.damage.quality_model import (
    CUT,
    UNIT_SCALES,
    UNIT_SIZE,
    QualityModel,
    folded,
    is_texture,
    unit_texture,
    unit_vectors,
)
from soart.metrics.damage.technical import DETECTORS, costs, fault_costs, points_of
from soart.metrics.items.quality import RUNGS, SCALES, QualityExtractor
from soart.metrics.protocols import Extractor
from soart.training.quality import save_quality
from soart.training.symmetries import symmetries

SEED = 31
KINDS = (PHOTOGRAPH, DRAWING, EMBEDDED, WEB, ART)
#: Keys of the detectors, their temperature, and the ridge as a share of the mean eigenvalue.
KEYS, TEMPERATURE, RIDGE = 3200, 0.4, 1e-3
#: Weight of the difference that a fault makes to a picture.
PAIR = 1.0
#: Share of undamaged pictures, of the kind that passes most, that a single detector may suspect; another one where
#: more alarms find many more faults, or fewer hardly less.
ALARMS, ALARMS_OF = 0.0036, {"saturate": 0.008, "noise": 0.006, "fade": 0.006, "band": 0.0009}
FEWEST = 30
#: Items that colours decide, and the faults that may use them: others must not mind how colourful a picture is.
_COLOUR, COLOUR_FAULTS = ("chroma", "colour"), ("fade", "saturate", "burn")
#: Fields of the model that undamaged pictures of left-out sources decide.
_CALIBRATED = ("usual", "limit", "distance_mean", "distance_scale", "weight", "half")


def unit_space(texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (q,) and inverse covariance (q, q) of (n, q) texture items, the same for mirrored and turned pictures."""
    mean, orders = texture.mean(axis=0), symmetries(UNIT_SCALES)
    covariance = ledoit_wolf(texture - mean, assume_centered=True)[0]
    symmetric = np.mean([covariance[np.ix_(order, order)] for order in orders], axis=0)
    return np.mean([mean[order] for order in orders], axis=0), np.linalg.inv(symmetric)


def usual_items(items: np.ndarray, columns: np.ndarray, scales: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (p,) of (n, p) items of undamaged pictures, the same for texture, (q,) columns, that mirroring exchanges."""
    mean, variance = items.mean(axis=0), items.var(axis=0)
    orders = symmetries(scales)
    square = variance[columns] + mean[columns] ** 2
    mean[columns] = np.mean([mean[columns][order] for order in orders], axis=0)
    variance[columns] = np.mean([square[order] for order in orders], axis=0) - mean[columns] ** 2
    return mean, np.maximum(np.sqrt(variance), 1e-2)


def attention(
    features: np.ndarray, colour: np.ndarray, rung: np.ndarray, data: Table, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Fit the detectors, see QualityModel.

    The values minimise squared errors over all learning pictures, and, with weight PAIR, over the differences between
    each damaged picture and the undamaged one it was made from: a detector must tell damaged pictures from all
    undamaged ones, and each from its own.

    Returns:
        centre (f,), rotation (2, f, f), rotated_by (k,), keys (m, f), key_rung (m,), values (m, k) and share (k,).
    """
    k = len(DETECTORS)
    label = labels(data)
    # What the embedded model draws with a fault is for measuring alone; of passes through decoders the rated quality learns.
    rows = np.flatnonzero((data.how != "drawn") & (data.fault != SMEARED))
    modes = np.eye(k + 1)[label[rows]]
    means = (modes.T @ features[rows]) / modes.sum(axis=0)[:, None]
    centre = means.mean(axis=0)
    within = features[rows] - means[label[rows]]
    counts = KEYS // (k + 2) * np.array([1] * k + [2])
    chosen = np.concatenate(
        [rng.choice(rows[label[rows] == fault], counts[fault], replace=False) for fault in range(k + 1)]
    )
    balance = np.array([1 / np.sqrt((data.kind == kind).sum()) for kind in data.kind])[rows]
    weights = (balance / balance.mean()).astype(np.float32)
    target = modes[:, :-1] - modes[:, -1:]
    share = np.average(target, axis=0, weights=weights)
    pairs = rows[(label[rows] < k) & (data.base[rows] >= 0)]
    wanted = np.eye(k)[label[pairs]] + 1
    coloured = np.array([fault in COLOUR_FAULTS for fault in DETECTORS])
    rotations, values = [], np.zeros((len(chosen), k))
    for used, faults in ((~colour, ~coloured), (np.ones_like(colour), coloured)):
        rotation = np.zeros((len(used), len(used)))
        rotation[np.ix_(used, used)] = inverse_root(ledoit_wolf(within[:, used], assume_centered=True)[0])
        unit = unit_vectors(features - centre, rung, len(RUNGS), rotation)
        keys = unit[chosen]
        # Single precision, which halves time and memory; what is stored has half.
        similarity = np.exp((unit.astype(np.float32) @ keys.T.astype(np.float32) - 1) / TEMPERATURE)
        usual = np.average(similarity[rows], axis=0, weights=weights).astype(np.float32)
        own, change = similarity[rows] - usual, similarity[pairs] - similarity[data.base[pairs]]
        gram = (own.T @ (weights[:, None] * own) + PAIR * change.T @ change).astype(np.float64)
        response = own.T @ (weights[:, None] * (target - share)) + PAIR * change.T @ wanted
        ridge = RIDGE * np.trace(gram) / len(keys) * np.eye(len(keys))
        values[:, faults] = np.linalg.solve(gram + ridge, response[:, faults])
        share[faults] -= usual @ values[:, faults]
        rotations.append(rotation)
    return centre, np.stack(rotations), coloured.astype(int), (features - centre)[chosen], rung[chosen], values, share


def labels(data: Table) -> np.ndarray:
    """(n,) number in DETECTORS of the one that is to name each fault; k for undamaged pictures, and faults that none is to name."""
    numbers = {fault: number for number, fault in enumerate(DETECTORS)} | dict.fromkeys(
        ("none", SMEARED), len(DETECTORS)
    )
    return np.array([numbers[NAMED_AS.get(fault, fault)] for fault in data.fault])


def learn(data: Table) -> QualityModel:
    """The model of a table; limits and the scale of distances are those of the learning pictures themselves."""
    extractor = QualityExtractor()
    names, p = extractor.names, len(extractor.names)
    texture = np.flatnonzero([is_texture(name) for name in names])
    rung = np.minimum((data.items[:, :1] < np.array(RUNGS)).sum(axis=1), len(RUNGS) - 1)
    good = data.clean & (data.how != "grey")
    centre, scale = np.zeros((2, len(RUNGS), p))
    for r in range(len(RUNGS)):
        centre[r], scale[r] = usual_items(data.items[good & (rung == r)], texture, SCALES)
    z = np.clip((data.items - centre[rung]) / scale[rung], -CUT, CUT)
    own, size = unit_texture(data.items, names, rung), UNIT_SIZE[rung]
    own_scale, spaces = [], []
    for of in range(UNIT_SIZE.max() + 1):
        own_scale.append(usual_items(own[good & (size == of)], np.arange(own.shape[1]), UNIT_SCALES))
        for kind in KINDS:
            rows = good & (size == of) & (data.kind == kind)
            if rows.sum() >= FEWEST:
                mean, deviation = own_scale[-1]
                spaces.append((of, *unit_space(np.clip((own[rows] - mean) / deviation, -CUT, CUT))))
    feature_names, fold = folded(names)
    colour = np.array([any(word in name for word in _COLOUR) for name in feature_names])
    detectors = attention(z @ fold, colour, rung, data, np.random.default_rng(SEED))
    ones = np.ones((len(DETECTORS), len(RUNGS)))
    return QualityModel(
        names, extractor.version, DETECTORS, np.array(RUNGS, dtype=float), centre, scale,
        np.stack([mean for mean, _ in own_scale]), np.stack([deviation for _, deviation in own_scale]),
        np.array([of for of, *_ in spaces]), np.stack([m for _, m, _ in spaces]), np.stack([i for *_, i in spaces]),
        np.zeros(len(own_scale)), np.ones(len(own_scale)), *detectors, 0 * ones, ones, np.ones(len(RUNGS)),
        TEMPERATURE, 1.0,
    )  # fmt: skip


def equalising(cost: np.ndarray, rung: np.ndarray, data: Table) -> np.ndarray:
    """(r,) weights of the costs of faults, by which undamaged pictures of the same sources cost as much at each rung."""
    weight = np.ones(len(RUNGS))
    good = data.clean & (data.how != "grey")
    means = {
        (source, r): cost[rows].mean()
        for source in set(data.source)
        for r in range(len(RUNGS))
        if (rows := good & (data.source == source) & (rung == r)).any()
    }
    for r in range(1, len(RUNGS)):
        both = [
            (means[source, r - 1], mean) for (source, of), mean in means.items() if of == r and (source, r - 1) in means
        ]
        larger, smaller = np.mean(both, axis=0)
        weight[r] = weight[r - 1] * larger / smaller
    return weight


def calibrated(model: QualityModel, left_out: Sequence[tuple[QualityModel, np.ndarray]], data: Table) -> QualityModel:
    """The model with the scales of evidence, costs and distance, from undamaged pictures of left-out sources, each by a model without it."""
    evidence, strangeness = np.zeros((len(DETECTORS), len(data.kind))), np.zeros(len(data.kind))
    for part, rows in left_out:
        evidence[:, rows], strangeness[rows] = part.evidence(data.items[rows]), part.strangeness(data.items[rows])
    rung, label = model.rung(data.items), labels(data)
    usual, limit = np.zeros((2, len(DETECTORS), len(RUNGS)))
    for r in range(len(RUNGS)):
        good = data.clean & (rung == r)
        usual[:, r] = np.median(evidence[:, good], axis=1)
        groups = [good & (data.kind == kind) for kind in KINDS if (good & (data.kind == kind)).sum() >= FEWEST]
        shares = [1 - ALARMS_OF.get(fault, ALARMS) for fault in DETECTORS]
        highest = np.array(
            [
                max(np.quantile(row[group], share) for group in groups)
                for row, share in zip(evidence, shares, strict=True)
            ]
        )
        limit[:, r] = np.where(np.isin(np.arange(len(DETECTORS)), label[rung == r]), highest, np.inf)
    distances = [strangeness[data.clean & (UNIT_SIZE[rung] == of)] for of in range(UNIT_SIZE.max() + 1)]
    scales = {
        "usual": usual,
        "limit": limit,
        "distance_mean": np.array([distance.mean() for distance in distances]),
        "distance_scale": np.array([distance.std() for distance in distances]),
        "weight": equalising(
            fault_costs((evidence - usual[:, rung]) / (limit - usual)[:, rung]).sum(axis=0), rung, data
        ),
    }
    # The costs of undamaged pictures, again of left-out sources.
    total = np.zeros(len(data.kind))
    for part, rows in left_out:
        total[rows] = costs(replace(part, **scales), data.items[rows]).sum(axis=0)
    return replace(model, **scales, half=float(np.quantile(total[data.clean], 0.98)))


def cross_validated(data: Table, folds: int = 5) -> tuple[QualityModel, np.ndarray]:
    """The model of a table, and the points (n,) of each picture by a model without its source."""
    left_out = [
        (learn(data.part(rows)), test) for rows, test in GroupKFold(folds).split(data.items, groups=data.source)
    ]
    model = calibrated(learn(data), left_out, data)
    points = np.zeros(len(data.kind))
    for part, test in left_out:
        fold = replace(part, **{name: getattr(model, name) for name in _CALIBRATED})
        points[test] = points_of(costs(fold, data.items[test]).sum(axis=0), model.half)
    return model, points


def measured(cache: Path) -> Table:
    """All learning pictures, with all items that need no network; measured once and kept in the cache."""
    published = published_sources(cache, learning=True)
    some = [*learning_sources(cache), *published[:: quality_pictures.SOME_DECODED]]

    def of_packages(extractor: Extractor) -> list[Version]:
        found = quality_pictures.of_sources(learning_sources(cache), SEED, extractor)
        found += quality_pictures.of_embedded_model(SEED, extractor)
        found += quality_pictures.of_renderer(SEED, extractor)
        return found + quality_pictures.of_too_few_steps(SEED, extractor)

    return Table.joined(
        Table.stored("learning", SEED, cache, of_packages),
        Table.stored("learning-published", SEED, cache, lambda e: quality_pictures.of_sources(published, SEED, e)),
        Table.stored("learning-decoded", SEED, cache, lambda e: quality_pictures.of_decoded(some, SEED, e, cache)),
    )


def main() -> None:
    """Build, measure, print, and with --write store the model."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--write", action="store_true", help="store the model in the package")
    parser.add_argument("--without", nargs="+", default=[], metavar="DOMAIN", help="domains that are left out")
    arguments = parser.parse_args()
    data = measured(arguments.cache).of_quality()
    if unknown := set(arguments.without) - set(domains_of(data.source)):
        parser.error(f"no pictures of {', '.join(sorted(unknown))}")
    if arguments.without and arguments.write:
        parser.error("a model without some pictures is not stored: leave out --write or --without")
    left_out = np.isin(domains_of(data.source), arguments.without)
    others, data = data.part(np.flatnonzero(left_out)), data.part(np.flatnonzero(~left_out))
    model, points = cross_validated(data)
    print(f"{len(data.kind)} pictures of {len(set(data.source))} sources")
    pairs = np.flatnonzero(data.base >= 0)[~data.clean[data.base >= 0]]
    print(f"pairs right, by models without the source: {np.mean(points[data.base[pairs]] > points[pairs]):.3f}")
    for domain in arguments.without:
        rows = others.clean & (domains_of(others.source) == domain)
        print(
            f"suspected, {domain}, which were left out: {np.mean(model.evidence(others.items[rows]).max(axis=0) > 1):.3f}"
        )
    print(f"technometric of 50 points: {model.half:.2f}")
    if arguments.write:
        path = Path(technical.__file__).with_name("quality.safetensors")
        save_quality(model, path)
        print(f"written: {path.name}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
