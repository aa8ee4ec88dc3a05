"""Tastes of real people, on photographs; see ``people.py`` for the data.

Every method learns from the same pictures of one person with the same items, each picture of another theme, and is tested
on the person's pictures of other themes. Appeal is learnt from the other half of the people and themes. Intervals are
95 % t intervals over people, of paired differences.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, compared, print_against
from soart.benchmarks.data.opinions import other_opinions
from soart.benchmarks.data.people import People, people
from soart.benchmarks.taste.real_report import examples_of, rivals
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.taste import OTHERS, priors_of_items
from soart.training.appeal import learn_appeal

SIZES = (4, 8, 16)
#: Numbers of others whose mean rating is known; 0: random numbers, that is, useless.
COMPANIONS = (0, 2, 5, 20)
#: Fewest liked and disliked pictures that a taste is tested on.
FEWEST_TESTED = 5


def split(place: People, person: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """A person's labels, and the rows to learn from and to test; None if there are too few."""
    label, _ = place.person(person)
    learn, test = place.split(label, size, np.random.default_rng([size, person]))
    tested = (label[test] == 1).sum(), (label[test] == -1).sum()
    return None if len(learn) < 2 * size or min(tested) < FEWEST_TESTED else (label, learn, test)


def auc(
    place: People, learn: np.ndarray, test: np.ndarray, label: np.ndarray, priors: np.ndarray, names: tuple[str, ...]
) -> float:
    """AUC of a taste with (n, k) prior scores of these names."""
    scaling = Scaling.of(place.both, priors, place.names)
    learnt = fit(examples_of(place, place.both, learn, priors, names), place.names, scaling)
    return float(roc_auc_score(label[test] == 1, learnt(place.both[test], priors[test])))


def accuracy(place: People, told: np.ndarray, count: int) -> None:
    """Print the AUC of the taste and of every rival on the same items."""
    names = priors_of_items(place.names)
    z = Scaling.of(place.both, told, place.names).frame.deviations(place.both)
    for size in SIZES:
        reached = dict[str, list[float]]()
        for person in range(min(count, len(place))):
            parts = split(place, person, size)
            if parts is None:
                continue
            label, learn, test = parts
            found = {
                "soart": auc(place, learn, test, label, told, names),
                "technical alone": auc(place, learn, test, label, told[:, :1], names[:1]),
                "without NIMA": auc(place, learn, test, label, told[:, :2], names[:2]),
                "no prior score": auc(place, learn, test, label, told[:, :0], ()),
                "appeal alone": roc_auc_score(label[test] == 1, told[test, 1]),
            }
            for name, scores in rivals(z[learn], label[learn].astype(float), z[test]).items():
                found[name] = roc_auc_score(label[test] == 1, scores)
            for name, value in found.items():
                reached.setdefault(name, []).append(value)
        print(f"\n{size}+{size} pictures, {len(reached['soart'])} people; AUC on pictures of other themes")
        print_against(reached, "soart", "no prior score")


def among_others(place: People, told: np.ndarray, count: int) -> None:
    """Print the AUC of the taste where some others have rated the same pictures."""
    names = priors_of_items(place.names)
    for size in SIZES:
        print(f"\n{size}+{size} pictures, with the mean of others")
        for companions in COMPANIONS:
            rows = []
            for person in range(min(count, len(place))):
                parts = split(place, person, size)
                if parts is None:
                    continue
                label, learn, test = parts
                rng = np.random.default_rng([companions, person])
                means = place.others(person, companions, rng) if companions else rng.normal(size=len(label))
                known = np.column_stack([told, means])
                rows.append(
                    (
                        auc(place, learn, test, label, known, (*names, OTHERS)),
                        auc(place, learn, test, label, told, names),
                        roc_auc_score(label[test] == 1, means[test]),
                    )
                )
            told_of = compared(np.array(rows), ("without them", "their mean alone"))
            print(f"  {companions or 'useless':>7} others, {len(rows)} people: taste {told_of}", flush=True)


def main() -> None:
    """Print all tables."""
    arguments = command(__doc__, cache=True, people=100).parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    place, other = (people(arguments.cache, development=half) for half in (False, True))
    known = [other.opinions(), *other_opinions(arguments.cache).values()]
    appeal = learn_appeal(known, other.names).scores(place.both, place.names)
    told = place.told_with(appeal)
    for name, scores in zip(priors_of_items(place.names), told.T, strict=True):
        print(f"rank correlation of {name} with the mean rating of {len(scores)} pictures: "
              f"{spearmanr(scores, np.nanmean(place.ratings, axis=0))[0]:.3f}")  # fmt: skip
    accuracy(place, told, arguments.people)
    among_others(place, told, arguments.people)


if __name__ == "__main__":
    main()
