"""Freedom from faults among pictures of one prompt; tastes planted in the ``generators`` of ``benchmarks/data/makers.py``.

    python benchmarks/taste/within_prompts.py [--persons 40] [--development]

A synthetic person likes freedom from faults with a share of the variance that is fixed beforehand; the rest is a random
direction of the items' principal components and a liking of single pictures. A taste learns from pictures of half of the
prompts and is tested on those of the others: on all pairs, and on pairs of one prompt alone. *Before* believes in freedom from
faults as of photographs. The belief in no trust, 1.9, was chosen on half of the prompts and 24 other persons. Intervals are
95 % t intervals over persons, of paired differences.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval
from soart.benchmarks.data.makers import Made, generators
from soart.benchmarks.taste.makers import FIRST
from soart.metrics.tastes.beliefs import TRUSTS_IN_TECHNICAL, Beliefs
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.taste import priors_of_items
from soart.metrics.tastes.within_groups import within_scores

SIZES, SHARES = (4, 8, 16), (0.0, 0.15, 0.3)
TASTE, BEFORE, FREEDOM = "taste", "before", "freedom alone"


def scores_of(place: Made, label: np.ndarray, learn: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of test pictures by every form of a taste, and by freedom from faults alone."""
    told, told_names, size = place.told, priors_of_items(place.names), len(learn) // 2
    usual: Beliefs = tuple(trust.belief for trust in TRUSTS_IN_TECHNICAL.values())
    forms = {TASTE: (), BEFORE: (usual, None)}
    parts = {"good": place.both[learn[:size]], "bad": place.both[learn[size:]]}
    found = {}
    for title, believed in forms.items():
        examples = replace(
            from_modes(parts), priors=told[learn], prior_names=told_names, prior_beliefs=believed,
            makings=place.makings[learn],
        )  # fmt: skip
        fitted = fit(examples, place.names, Scaling.of(place.both, told, place.names))
        found[title] = fitted(place.both[test], told[test], place.makings[test])
    return found | {FREEDOM: told[test, 0]}


def compare(place: Made, persons: int, share: float, size: int, first: int) -> None:
    """Print how well the forms order pairs of one prompt, and all pairs."""
    rows = []
    for person in range(first, first + persons):
        label = place.person(person, share, np.clip(place.told[:, 0], *np.quantile(place.told[:, 0], (0.02, 0.98))))
        learn, test = place.split(label, size, person)
        scores = scores_of(place, label, learn, test)
        truth, prompt = label[test].astype(float), place.prompt[test]
        rows.append(
            [(within_scores(truth, of, prompt).concordance, roc_auc_score(truth > 0, of)) for of in scores.values()]
        )
    reached = dict(zip(scores, np.array(rows).transpose(1, 2, 0), strict=True))
    print(f"\nshare of freedom {share:g}, {size}+{size}, {persons} persons: pairs of one prompt; all pairs")
    for title, measured in reached.items():
        line = f"  {title:14}"
        for values, earlier, of_freedom in zip(measured, reached[BEFORE], reached[FREEDOM], strict=True):
            line += f" {values.mean():.3f}"
            for name, others in ((BEFORE, earlier), (FREEDOM, of_freedom)):
                if name != title:
                    mean, low, high = interval(values - others)
                    line += f"  − {name} {mean:+.3f} ({low:+.3f} … {high:+.3f})"
            line += ";"
        print(line, flush=True)


def main() -> None:
    """Print the table."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=40)
    parser.add_argument("--development", action="store_true", help="the other half of the prompts, and other persons")
    arguments = parser.parse_args()
    place = generators(arguments.cache).half(development=arguments.development)
    for share in SHARES:
        for size in SIZES:
            compare(place, arguments.persons, share, size, FIRST if arguments.development else 0)


if __name__ == "__main__":
    main()
