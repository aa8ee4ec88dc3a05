"""Tastes of real people against what they start from: others' means, cards, and appeal; see ``people.py`` for the data.

    python benchmarks/taste/starting_points.py [--people 40] [--part others|cards|beliefs]…

* ``others``: some others have rated the same pictures. How far to trust their mean is told by how they agree, as in the
  product (``shown_by_others``), or by the usual beliefs.
* ``cards``: people of the half for development make cards from 16+16 pictures of its themes; people of the other half start from
  the kinds of taste in these cards, beside appeal and without it.
* ``beliefs``: on the half for development, how many tastes are below the best of their starting points, with more and less
  caution: numbers added to the log belief in no trust in each.

Appeal is learnt from the other half of the people and themes, from OASIS alone. Intervals are 95 % t intervals over people, of
paired differences.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, compared, interval
from soart.benchmarks.data.people import People, people
from soart.benchmarks.taste.build_beliefs import predictions
from soart.benchmarks.taste.people_report import auc, split
from soart.benchmarks.taste.real_report import examples_of
from soart.metrics.items.frame import Frame
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.mixture import log_weights, shown_trusts
from soart.metrics.tastes.shown_by_others import beliefs_shown_by_others
from soart.metrics.tastes.taste import OTHERS, priors_of_items
from soart.pipelines.collection.ratings import relative_means
from soart.pipelines.tastes.other_raters import ratings_with_others_means, ratings_with_scores
from soart.training.appeal import learn_appeal

SIZES, COMPANIONS = (4, 8, 16), (2, 5, 20)
CAUTIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)
#: Size at which beliefs are compared.
SIZE = 8


def among_others(place: People, told: np.ndarray, count: int) -> None:
    """Print the AUC of tastes where some others have rated the same pictures, and of the others' mean alone."""
    names = (*priors_of_items(place.names), OTHERS)
    for size in SIZES:
        for companions in COMPANIONS:
            rows = []
            for person in range(min(count, len(place))):
                if (parts := split(place, person, size)) is None:
                    continue
                label, learn, test = parts
                rated = place.companions(person, companions, np.random.default_rng([companions, person]))
                stars = [{int(of): float(own[of]) for of in np.flatnonzero(np.isfinite(own))} for own in rated]
                means = relative_means(stars)
                known = np.column_stack([told, [means.get(of, np.nan) for of in range(len(label))]])
                examples = examples_of(place, place.both, learn, known, names)
                pairs = [list(ratings_with_scores(stars, dict(enumerate(of.tolist())))) for of in told.T]
                pairs.append(list(ratings_with_others_means(stars)))
                shown = tuple(
                    beliefs_shown_by_others(shown_trusts(name), of, float(examples.liking.std()))
                    for name, of in zip(names, pairs, strict=True)
                )
                scaling = Scaling.of(place.both, known, place.names)
                taste = fit(replace(examples, prior_beliefs=shown), place.names, scaling)
                truth = label[test] == 1
                rows.append(
                    (
                        roc_auc_score(truth, taste(place.both[test], known[test])),
                        auc(place, learn, test, label, known, names),
                        auc(place, learn, test, label, told, names[:-1]),
                        roc_auc_score(truth, known[test, -1]),
                    )
                )
            told_of = compared(np.array(rows), ("usual beliefs", "without others", "their mean alone"))
            print(f"{size}+{size}, {companions} others, {len(rows)} people: taste {told_of}", flush=True)


def cautions(place: People, told: np.ndarray, count: int) -> None:
    """Print how many tastes are below their best starting point, with more and less caution."""
    names, z = priors_of_items(place.names), Frame.of(place.both, place.names).deviations(place.both)
    priors, reached = Scaling.of(place.both, told, place.names).priors(told), dict[float, list[float]]()
    starts = []
    for person in range(min(count, len(place))):
        if (parts := split(place, person, SIZE)) is None:
            continue
        label, learn, test = parts
        truth = label[test] == 1
        starts.append([roc_auc_score(truth, of[test]) for of in told.T])
        candidates, evidence, predicted = predictions(z, learn, test, label, priors, place.names, names)
        untrusted = [sum(not mean for mean in h.means) for h in candidates]
        for caution in CAUTIONS:
            some = [replace(h, trust=h.trust + caution * n) for h, n in zip(candidates, untrusted, strict=True)]
            score = np.exp(log_weights(some, evidence)) @ predicted
            reached.setdefault(caution, []).append(float(roc_auc_score(truth, score)))
    alone = np.array(starts)
    print(f"\n{SIZE}+{SIZE}, {len(alone)} people: " + ", ".join(f"{n} alone {v:.3f}" for n, v in zip(names, alone.mean(0), strict=True)))  # fmt: skip
    for caution, values in reached.items():
        line = f"  caution {caution:+g}: {np.mean(values):.3f}"
        for title, start in (("its best starting point", alone.max(axis=1)), ("appeal", alone[:, -1])):
            apart = np.array(values) - start
            mean, low, high = interval(apart)
            line += (
                f"; − {title} {mean:+.3f} ({low:+.3f} … {high:+.3f}), below it {np.mean(apart < 0):.0%}, by more than "
                f"0.05 {np.mean(apart < -0.05):.0%}, worst {apart.min():+.2f}"
            )
        print(line, flush=True)


def main() -> None:
    """Print the parts asked for, all by default."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--part", choices=("others", "beliefs"), action="append", help="repeat for several")
    arguments = parser.parse_args()
    wanted = arguments.part or ("others", "beliefs")
    developed, place = (people(arguments.cache, development=half) for half in (True, False))

    def told(of: People, other: People) -> np.ndarray:
        return np.column_stack([of.technical, learn_appeal([other.opinions()], other.names).scores(of.both, of.names)])

    if "beliefs" in wanted:
        cautions(developed, told(developed, place), arguments.people)
    if "others" in wanted:
        among_others(place, told(place, developed), arguments.people)


if __name__ == "__main__":
    main()
