"""Errors and coverage of the trust reports of real people's tastes; see ``people.py`` for the data.

A taste is learnt from pictures of one person, and measured by its AUC on all of the person's pictures of other themes, in
both halves of the pictures. Appeal of the half that it was learnt from is learnt anew, without the themes of the picture.
Beside the error of what the report says stand those of the held-out figure alone and of one constant for everybody, learnt
on all other people of the same half. ``--plain`` tells the same of plain tastes, one category of the photographs liked and
another disliked, and of likings by chance. ``--learn`` prints the levels of ``true_auc`` that the half for development
suggests, its scale and excess, plain tastes, and what tells the sorts of tastes apart; there tastes are measured on the
half for development alone. Intervals are 95 % t intervals over people of paired differences.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations, product

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm, t
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval, progress, stored_json
from soart.benchmarks.data.people import People, categories, everyone, people, themes_for
from soart.benchmarks.data.real_tastes import World
from soart.benchmarks.score.build_appeal import held_out
from soart.benchmarks.taste.people_report import split
from soart.benchmarks.taste.real_report import examples_of
from soart.metrics.tastes import true_auc
from soart.metrics.tastes.fitting import Scaling, evidence_of, fit
from soart.metrics.tastes.folds import near_duplicates
from soart.metrics.tastes.taste import priors_of_items
from soart.metrics.tastes.true_auc import TrueAuc
from soart.metrics.tastes.trust import cross_validate, signs_in, word_for
from soart.training.appeal import learn_appeal

SIZES = (4, 8, 16)
#: Kinds of tastes whose figures are shown, with the kind of ``true_auc``.
KINDS = {"all prior scores": "shared", "no prior scores": "content", "no network": "appearance"}
#: Kind of the tastes whose likings are by chance, their number, and the splits of plain tastes that are learnt from.
CHANCE, BY_CHANCE, SPLITS = "chance", 20, 4
#: Weights of people, of plain tastes, and of likings by chance among those that the sorts are told apart on, the strength of the
#: regression's prior, and folds of themes for appeal.
WEIGHTS, STRENGTH, FOLDS = (0.93, 0.02, 0.05), 10.0, 10
#: Person, pictures a side, kind, held-out AUC, measured AUC, the liked and disliked pictures that it was measured on, the
#: evidence of the items, and the AUCs of appeal and of all that shows what people like on the learning pictures.
Row = tuple[int, int, str, float, float, int, int, float, float, float]
#: (n, p) items with their names, and (n, k) prior scores with theirs.
Form = tuple[np.ndarray, tuple[str, ...], np.ndarray, tuple[str, ...]]


#: (m,) labels of further test pictures, and their (m, p) items and (m, k) prior scores.
More = tuple[np.ndarray, np.ndarray, np.ndarray]


def row_of(
    place: World,
    form: Form,
    scaling: Scaling,
    label: np.ndarray,
    split: tuple[np.ndarray, np.ndarray],
    seed: int,
    more: More | None = None,
) -> tuple[float, float, int, int, float, float, float]:
    """Held-out and measured AUC of a taste, numbers of the liked and disliked test pictures, evidence, and two AUCs, as in ``Row``."""
    (rows, names, priors, prior_names), (learn, test) = form, split
    examples = examples_of(place, rows, learn, priors, prior_names)
    groups = near_duplicates(scaling.frame.deviations(examples.items), examples.groups)
    examples = replace(examples, groups=groups.astype(np.str_))

    def learner(some, rng):  # noqa: ANN001, ANN202
        return fit(some, names, scaling)

    held_out = cross_validate(examples, learner, np.random.default_rng(seed)).concordance
    tests = [(label[test], rows[test], priors[test])] + ([] if more is None else [more])
    known, *told = (np.concatenate(parts) for parts in zip(*tests, strict=True))
    true = roc_auc_score(known == 1, fit(examples, names, scaling)(told[0], told[1]))
    return held_out, float(true), *tested(known), evidence_of(examples, scaling), *signs_in(examples)


def said(row: Row) -> TrueAuc:
    """What the report says of a taste."""
    return TrueAuc.of(KINDS.get(row[2], "shared"), row[1], row[3], evidence=row[7], appeal=row[8], starts=row[9])


def reports(place: People, other: People, count: int, title: str, further: People | None = None) -> list[Row]:
    """Held-out and true AUC of tastes of ``count`` people; half as many without prior scores, or without the network."""
    told = place.told_with(learn_appeal([other.opinions()], other.names).scores(place.both, place.names))
    told_further = None if further is None else further.told_with(held_out(other, (), FOLDS, FOLDS))
    names, width = priors_of_items(place.names), place.items.shape[1]
    forms = {
        "all prior scores": (place.both, place.names, told, names),
        "no prior scores": (place.both, place.names, told[:, :0], ()),
        "no network": (place.items, place.names[:width], told[:, :1], names[:1]),
    }
    scalings = {kind: Scaling.of(rows, priors, of) for kind, (rows, of, priors, _) in forms.items()}
    found: list[Row] = []
    for person in range(min(count, len(place))):
        for size in SIZES:
            parts = split(place, person, size)
            for kind, (rows, of, priors, prior_names) in forms.items():
                if parts is None or (kind != "all prior scores" and (size == SIZES[0] or person >= count // 2)):
                    continue
                label, *halves = parts
                form, more = (rows, of, priors, prior_names), None
                if further is not None and told_further is not None:
                    judged = further.person(person)[0]
                    some, wide = np.flatnonzero(judged), rows.shape[1]
                    more = judged[some], further.both[some][:, :wide], told_further[some][:, : len(prior_names)]
                found_here = row_of(place, form, scalings[kind], label, (halves[0], halves[1]), person, more)
                if np.isfinite(found_here[0]):
                    found.append((person, size, kind, *found_here))
        progress(person + 1, min(count, len(place)), title)
    return found


def plain(place: People, category: np.ndarray, splits: int, title: str) -> list[Row]:
    """The same of plain tastes, photographs of one category liked and those of another disliked, and of likings by chance."""
    form = place.both, place.names, place.told, priors_of_items(place.names)
    scaling, found = Scaling.of(place.both, place.told, place.names), list[Row]()
    pairs = list(permutations(np.unique(category), 2)) * splits
    labels = [np.where(category == liked, 1, np.where(category == other, -1, 0)) for liked, other in pairs]
    labels += [
        np.random.default_rng([77, number]).choice([-1, 1], place.source.max() + 1)[place.source]
        for number in range(BY_CHANCE)
    ]
    for number, label in enumerate(labels):
        for size in SIZES[1:]:
            learn, test = place.split(label, size, np.random.default_rng([size, number]))
            if len(learn) == 2 * size and min(tested(label[test])) > 0:
                kind = "all prior scores" if number < len(pairs) else CHANCE
                found.append((number, size, kind, *row_of(place, form, scaling, label, (learn, test), number)))
        progress(number + 1, len(labels), title)
    return found


def tested(label: np.ndarray) -> tuple[int, int]:
    """Numbers of liked and disliked pictures of (n,) labels."""
    return int((label == 1).sum()), int((label == -1).sum())


def words(found: list[TrueAuc]) -> str:
    """Words for tastes, with at least five pictures on each side."""
    return ", ".join(f"{word} {count}" for word, count in Counter(word_for(5, 5, one) for one in found).most_common())


def print_errors(title: str, rows: list[Row], constant: np.ndarray | None = None) -> None:
    """Print errors beside those of constants (usually the mean of all others), coverage and widths."""
    held_out_figures, true = np.array([row[3:5] for row in rows]).T
    found = [said(row) for row in rows]
    means, ends = np.array([one.mean for one in found]), np.array([one.interval for one in found])
    constant = (true.sum() - true) / (len(true) - 1) if constant is None else constant
    errors = [np.sqrt(np.mean((values - true) ** 2)) for values in (means, held_out_figures, constant)]
    mean, low, high = interval((means - true) ** 2 - (constant - true) ** 2)
    inside = np.mean((ends[:, 0] <= true) & (true <= ends[:, 1]))
    print(f"{title}, {len(true)}: true {true.mean():.3f}, said {means.mean():.3f}, held out {held_out_figures.mean():.3f}; "
          f"error of what is said {errors[0]:.3f}, of the held-out figure {errors[1]:.3f}, of a constant {errors[2]:.3f} "
          f"(squares {mean:+.4f}: {low:+.4f} … {high:+.4f}); the interval holds {inside:.0%}, width {np.mean(ends[:, 1] - ends[:, 0]):.2f}; {words(found)}")  # fmt: skip


def report(rows: list[Row]) -> None:
    """Print the figures of each kind of tastes and number of pictures."""
    for kind, size in product(KINDS, SIZES):
        of_kind = [row for row in rows if row[1:3] == (size, kind)]
        if len(of_kind) >= 10:
            print_errors(f"{kind}, {size}+{size}", of_kind)


def learn(rows: list[Row], plain_ones: list[Row]) -> None:
    """Print levels, slopes, scale and excess under which held-out and measured AUCs are likeliest together, and of evidence."""
    theta = expit(true_auc.ETA)
    place, size = np.array([list(KINDS).index(row[2]) for row in rows]), np.array([row[1] for row in rows])
    held_out, true, liked, disliked = np.array([row[3:7] for row in rows]).T[..., None]
    noise = true_auc.variance_of_auc(theta, liked, disliked) + true_auc.FLOOR
    measured = -0.5 * (true - theta) ** 2 / noise - 0.5 * np.log(noise)
    share = true_auc.SHARES[1]
    density_of_plain = share * norm.pdf(true_auc.ETA, *true_auc.PLAIN)

    def loss(x: np.ndarray) -> float:
        slope, scale = x[3 + place][:, None], np.exp(x[6])
        middle = x[place][:, None] + slope * np.log(size / 8)[:, None]
        prior = (1 - share) * t.pdf((true_auc.ETA - middle) / scale, true_auc.DEGREES) / scale + density_of_plain
        folds = expit(true_auc.ETA + slope * np.log(0.8))
        variance = np.exp(x[7]) * true_auc.variance_of_auc(folds, size[:, None]) + true_auc.FLOOR
        logs = np.log(prior) - 0.5 * (held_out - folds) ** 2 / variance - 0.5 * np.log(variance) + measured
        together = np.logaddexp.reduce(logs, axis=1) - np.log(prior.sum(axis=1))
        return 10 * float(np.sum((x[3:6] - 0.2) ** 2)) - float(together.sum())

    start = np.array([1.0, 0.6, 0.3, 0.15, 0.25, 0.22, np.log(0.2), np.log(2.0)])
    x = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 700, "xatol": 0.01, "fatol": 0.05}).x
    print("levels and slopes:", {kind: (round(x[k], 2), round(x[3 + k], 2)) for k, kind in enumerate(KINDS.values())})
    print(f"scale {np.exp(x[6]):.2f}, excess {np.exp(x[7]):.1f}")
    of_plain = [row for row in plain_ones if row[2] != CHANCE]
    print("plain tastes: middle {:.1f}, spread {:.1f}, excess {:.1f}".format(*learn_plain(of_plain)))
    usual = [row for row in rows if row[2] == "all prior scores" and row[1] > SIZES[0]]
    print("sorts:", learn_sorts(usual, of_plain, [row for row in plain_ones if row[2] == CHANCE]))


def learn_plain(rows: list[Row]) -> tuple[float, float, float]:
    """Middle and spread of η of plain tastes, and their excess, under which held-out and measured AUCs are likeliest together."""
    eta = np.linspace(true_auc.ETA[0], 12, 801)
    theta, slope = expit(eta), true_auc.LEVELS["shared"].slope
    size, held_out, true, liked, disliked = np.array([(row[1], *row[3:7]) for row in rows]).T[..., None]
    noise, folds = true_auc.variance_of_auc(theta, liked, disliked) + true_auc.FLOOR, expit(eta + slope * np.log(0.8))
    measured = -0.5 * (true - theta) ** 2 / noise - 0.5 * np.log(noise)

    def loss(x: np.ndarray) -> float:
        prior = norm.logpdf(eta, x[0], np.exp(x[1]))
        variance = np.exp(x[2]) * true_auc.variance_of_auc(folds, size) + true_auc.FLOOR
        logs = prior - 0.5 * (held_out - folds) ** 2 / variance - 0.5 * np.log(variance) + measured
        return -float((np.logaddexp.reduce(logs, axis=1) - np.logaddexp.reduce(prior)).sum())

    middle, spread, excess = minimize(loss, np.array([3.0, 0.0, 1.0]), method="Nelder-Mead").x
    return middle, float(np.exp(spread)), float(np.exp(excess))


def learn_sorts(*sorts: list[Row]) -> dict[int, list[list[float]]]:
    """Log-odds of plain tastes and of nothing against usual ones, as in ``true_auc.SORTS``, from rows of each sort."""
    label = np.repeat(np.arange(len(sorts)), list(map(len, sorts)))
    weights = np.concatenate([np.full(len(of), w / len(of)) for w, of in zip(WEIGHTS, sorts, strict=True)]) * len(label)
    signs = np.array([true_auc.signs_of("shared", row[1], row[3], row[1], *row[7:9]) for of in sorts for row in of])
    up, down, free = (0.0, None), (None, 0.0), (None, None)
    found = {}
    for known in true_auc.SORTS:

        def loss(x: np.ndarray, some: np.ndarray = signs[..., :known]) -> float:
            constants, slopes = x[:2], x[2:].reshape(2, -1)
            logs = np.column_stack([np.zeros(len(some)), constants + (slopes * some).sum(axis=2)])
            likely = logs[np.arange(len(label)), label] - np.logaddexp.reduce(logs, axis=1)
            return float((slopes**2).sum() / (2 * STRENGTH) - weights @ likely)

        bounds = [free, free, *[up, up, free, free][:known], *[down, down, free, down][:known]]
        x = minimize(loss, np.zeros(2 + 2 * known), bounds=bounds, method="L-BFGS-B").x
        found[known] = np.column_stack([x[:2], x[2:].reshape(2, -1)]).round(2).tolist()
    return found


def main() -> None:
    """Print the tables."""
    arguments = command(__doc__, cache=True, flags=("learn", "plain"), people=50).parse_args()
    half = arguments.learn
    title = f"trust-5-{'development' if half else 'report'}"

    def run() -> list[Row]:
        place, other = (people(arguments.cache, development=one) for one in (half, not half))
        further = None if half else people(arguments.cache, development=False, other_pictures=True)
        return reports(place, other, arguments.people, title, further)

    def run_plain() -> list[Row]:
        chosen = themes_for(everyone(arguments.cache).source, development=half)
        place, category = people(arguments.cache, development=half), categories(arguments.cache)[chosen]
        return plain(place, category, SPLITS if half else 1, "plain tastes")

    rows = [tuple(row) for row in stored_json(arguments.cache / f"{title}-{arguments.people}.json", run)]
    if not (arguments.plain or arguments.learn):
        report(rows)
        return
    plain_ones = [tuple(row) for row in stored_json(arguments.cache / f"{title}-plain.json", run_plain)]
    if arguments.learn:
        learn(rows, plain_ones)
        return
    for kind, size in product(("all prior scores", CHANCE), SIZES[1:]):
        usual = np.mean([row[4] for row in rows if row[1:3] == (size, "all prior scores")])
        known = [row for row in plain_ones if row[1:3] == (size, kind)]
        title = "plain tastes" if kind != CHANCE else "by chance"
        print_errors(f"{title}, {size}+{size}", known, np.full(len(known), usual))


if __name__ == "__main__":
    main()
