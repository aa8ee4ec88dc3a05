"""Errors and coverage of the trust reports of real people's tastes; see ``people.py`` for the data.

    python benchmarks/taste/trust.py [--people 50] [--development] [--learn]

A taste is learnt from pictures of one person; the truth is its AUC on the person's pictures of other themes, and is itself
uncertain, because these are some fifty. Beside the error of what the report says stand those of the held-out figure alone and
of one constant for everybody, learnt on all other people of the same half. ``--learn`` prints the levels of ``true_auc`` that the
half for development suggests, and its scale and excess. Intervals are 95 % t intervals over people of paired differences.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval, progress, stored_json
from soart.benchmarks.data.people import People, categories, everyone, people, themes_for
from soart.benchmarks.taste.people_report import split
from soart.benchmarks.taste.real_report import examples_of
from soart.metrics.tastes import true_auc
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.folds import near_duplicates
from soart.metrics.tastes.taste import priors_of_items
from soart.metrics.tastes.true_auc import TrueAuc
from soart.metrics.tastes.trust import cross_validate, word_for
from soart.training.appeal import learn_appeal

SIZES = (4, 8, 16)
#: Kinds of tastes whose figures are shown, with the kind of ``true_auc``.
KINDS = {"all prior scores": "shared", "no prior scores": "content", "no network": "appearance"}
#: Person, pictures a side, kind, held-out AUC, true AUC.
Row = tuple[int, int, str, float, float]


def reports(place: People, other: People, count: int, title: str) -> list[Row]:
    """Held-out and true AUC of tastes of ``count`` people; half as many without prior scores, or without the network."""
    told = np.column_stack(
        [place.technical, learn_appeal([other.opinions()], other.names).scores(place.both, place.names)]
    )
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
                label, learn, test = parts
                scaling, examples = scalings[kind], examples_of(place, rows, learn, priors, prior_names)
                groups = near_duplicates(scaling.frame.deviations(examples.items), examples.groups)
                examples = replace(examples, groups=groups.astype(np.str_))

                def learner(some, rng, of=of, scaling=scaling):  # noqa: ANN001, ANN202
                    return fit(some, of, scaling)

                held_out = cross_validate(examples, learner, np.random.default_rng(person)).concordance
                true = roc_auc_score(label[test] == 1, fit(examples, of, scaling)(rows[test], priors[test]))
                if np.isfinite(held_out):
                    found.append((person, size, kind, held_out, float(true)))
        progress(person + 1, min(count, len(place)), title)
    return found


def plain(place: People, category: np.ndarray, title: str) -> list[Row]:
    """The same of plain tastes: photographs of one category liked, those of another disliked."""
    names, found = priors_of_items(place.names), list[Row]()
    scaling = Scaling.of(place.both, place.told, place.names)
    pairs = list(permutations(np.unique(category), 2))

    def learner(some, rng):  # noqa: ANN001, ANN202
        return fit(some, place.names, scaling)

    for number, (liked, disliked) in enumerate(pairs):
        label = np.where(category == liked, 1, np.where(category == disliked, -1, 0))
        for size in SIZES[1:]:
            parts, test = place.split(label, size, np.random.default_rng([size, number]))
            examples = examples_of(place, place.both, parts, place.told, names)
            held_out = cross_validate(examples, learner, np.random.default_rng(number)).concordance
            scores = fit(examples, place.names, scaling)(place.both[test], place.told[test])
            found.append((number, size, "all prior scores", held_out, float(roc_auc_score(label[test] == 1, scores))))
        progress(number + 1, len(pairs), title)
    return found


def report(rows: list[Row]) -> None:
    """Print errors, coverage and widths, and how well what is said agrees with the truth."""
    for kind, known in KINDS.items():
        for size in SIZES:
            of_kind = [row for row in rows if row[1:3] == (size, kind)]
            if len(of_kind) < 10:
                continue
            held_out, true = np.array([row[3:] for row in of_kind]).T
            found = [TrueAuc.of(known, size, value) for value in held_out]
            said, ends = np.array([one.mean for one in found]), np.array([one.interval for one in found])
            constant = (true.sum() - true) / (len(true) - 1)
            errors = [np.sqrt(np.mean((values - true) ** 2)) for values in (said, held_out, constant)]
            mean, low, high = interval((said - true) ** 2 - (constant - true) ** 2)
            covered = np.mean((ends[:, 0] <= true) & (true <= ends[:, 1]))
            print(f"{kind}, {size}+{size}, {len(true)} people: true {true.mean():.3f}, said {said.mean():.3f}, held out {held_out.mean():.3f}; "
                  f"error of what is said {errors[0]:.3f}, of the held-out figure {errors[1]:.3f}, of a constant {errors[2]:.3f} "
                  f"(squares {mean:+.4f}: {low:+.4f} … {high:+.4f}); the interval holds {covered:.0%}, width {np.mean(ends[:, 1] - ends[:, 0]):.2f}")  # fmt: skip
    print("\nreliability: what is said, and the mean true AUC")
    pairs = np.array([(TrueAuc.of(KINDS[kind], size, held_out).mean, true) for _, size, kind, held_out, true in rows])
    edges = np.quantile(pairs[:, 0], np.linspace(0, 1, 6))
    for low, high in pairwise(edges):
        inside = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] <= high)]
        print(f"  {inside[:, 0].mean():.2f}: {inside[:, 1].mean():.2f} of {len(inside)}")
    print("\nten people, 8+8")
    for _, size, kind, held_out, true in [row for row in rows if row[1:3] == (8, "all prior scores")][:10]:
        one = TrueAuc.of(KINDS[kind], size, held_out)
        low, high = one.interval
        later = one.after(2 * size)
        print(f"  {word_for(size, size, one)}: orders about {one.mean:.0%} of pairs ({low:.0%} to {high:.0%}), with 16 more ratings "
              f"{later.mean:.0%}; true {true:.0%}, held out {held_out:.0%}")  # fmt: skip


def learn(rows: list[Row]) -> None:
    """Print levels, slopes, scale and excess under which the true AUCs are likeliest, given the held-out ones."""
    eta = np.linspace(-4.0, 7.0, 1101)

    def loss(x: np.ndarray) -> float:
        total = 10 * float(np.sum((x[3:6] - 0.2) ** 2))
        for _, size, kind, held_out, true in rows:
            place = list(KINDS).index(kind)
            middle, slope = x[place] + x[3 + place] * np.log(size / 8), x[3 + place]
            logs = -(true_auc.DEGREES + 1) / 2 * np.log1p(((eta - middle) / np.exp(x[6])) ** 2 / true_auc.DEGREES)
            folds = expit(eta + slope * np.log(0.8))
            variance = np.exp(x[7]) * true_auc.variance_of_auc(folds, size)
            logs = logs - 0.5 * (held_out - folds) ** 2 / variance - 0.5 * np.log(variance)
            weights = np.exp(logs - logs.max())
            weights /= weights.sum() * (eta[1] - eta[0])
            total -= float(np.log(np.interp(logit(np.clip(true, 0.02, 0.98)), eta, weights) + 1e-12))
        return total

    start = np.array([1.0, 0.6, 0.3, 0.1, 0.25, 0.25, np.log(0.35), np.log(4.0)])
    x = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 600, "xatol": 0.01, "fatol": 0.05}).x
    print("levels and slopes:", {kind: (round(x[k], 2), round(x[3 + k], 2)) for k, kind in enumerate(KINDS.values())})
    print(f"scale {np.exp(x[6]):.2f}, excess {np.exp(x[7]):.1f}")


def main() -> None:
    """Print the tables."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--development", action="store_true", help="the half that the numbers were learnt on")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--plain", action="store_true", help="plain tastes, beside the mean of the people")
    arguments = parser.parse_args()
    half = arguments.development or arguments.learn
    title = f"trust-{'development' if half else 'report'}-{arguments.people}"

    def run() -> list[Row]:
        place, other = (people(arguments.cache, development=one) for one in (half, not half))
        return reports(place, other, arguments.people, title)

    rows = [tuple(row) for row in stored_json(arguments.cache / f"{title}.json", run)]
    if arguments.plain:
        place = people(arguments.cache, development=half)
        category = categories(arguments.cache)[themes_for(everyone(arguments.cache).source, development=half)]
        known = stored_json(arguments.cache / f"{title}-plain.json", lambda: plain(place, category, "plain tastes"))
        for size in SIZES[1:]:
            usual = np.mean([row[4] for row in rows if row[1:3] == (size, "all prior scores")])
            held_out, true = np.array([row[3:] for row in known if row[1] == size]).T
            found = [TrueAuc.of("shared", size, value) for value in held_out]
            said = np.array([one.mean for one in found])
            covered = np.mean(
                [one.interval[0] <= value <= one.interval[1] for one, value in zip(found, true, strict=True)]
            )
            errors = [np.sqrt(np.mean((values - true) ** 2)) for values in (said, held_out, usual)]
            print(f"plain tastes, {size}+{size}, {len(true)}: true {true.mean():.3f}, said {said.mean():.3f}, held out {held_out.mean():.3f}; error "
                  f"of what is said {errors[0]:.3f}, of the held-out figure {errors[1]:.3f}, of the people's mean {errors[2]:.3f}; the interval "
                  f"holds {covered:.0%}")  # fmt: skip
    elif arguments.learn:
        learn(rows)
    else:
        report(rows)


if __name__ == "__main__":
    main()
