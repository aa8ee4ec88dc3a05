"""Planted tastes in pictures of which is known how they were made; see ``benchmarks/data/makers.py``.

    python benchmarks/taste/makers.py [--persons 40] [--part PART]…

Parts: ``generators`` and ``requests``. The beliefs in kernels over how pictures were made were learnt on half of the prompts of
``generators`` and other persons (``build_makings.py``); figures are of the other half. There every method learns from pictures of half of the prompts and is tested on those of the
others. *Before* is soart without knowing how pictures were made; *unread* knows that they were generated, and so trusts freedom
from faults sooner, but nothing else of it. Ridge, logistic regression and the Gaussian process see the
same items and, as 0 and 1, the same makers or settings and words. Intervals are 95 % t intervals over persons, of paired
differences.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval
from soart.benchmarks.data.makers import Made, generators, requests
from soart.metrics.protocols import Making
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.taste import priors_of_items

SIZES, SHARES = (4, 8, 16, 30), (0.3, 0.0)
#: Persons from here on are for development.
FIRST = 10_000


def columns_of(makings: Sequence[Making]) -> np.ndarray:
    """(n, f) makers, settings and words as 0 and 1, each standardised, all of them together as heavy as one item in ten."""
    rows = [
        {f"model {one.model}": 1, f"steps {one.steps}": 1, f"guidance {one.guidance}": 1}
        | dict.fromkeys((f"word {word}" for word in one.words or ()), 1)
        for one in makings
    ]
    values = DictVectorizer(sparse=False).fit_transform(rows)
    varies = values.std(axis=0) > 0
    standard: np.ndarray = (values[:, varies] - values[:, varies].mean(axis=0)) / values[:, varies].std(axis=0)
    return standard


def rival_scores(name: str, x: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of test pictures by a rival."""
    if name == "ridge":
        return RidgeCV(np.logspace(-1, 5, 13)).fit(x, y).predict(test)
    if name == "logistic":
        folds = 2 if len(y) < 10 else 4
        model = LogisticRegressionCV(Cs=np.logspace(-5, 0, 6), cv=folds, max_iter=2000, scoring="roc_auc").fit(x, y)
        return model.decision_function(test)
    size = float(np.median(np.linalg.norm(x[:, None] - x[None], axis=-1)))
    kernel = ConstantKernel(1.0) * RBF(size) + ConstantKernel(1.0) * DotProduct(size) + WhiteKernel(0.5)
    return GaussianProcessRegressor(kernel, normalize_y=True).fit(x, y).predict(test)


def compare(place: Made, persons: int, sizes: Sequence[int], shares: Sequence[float], first: int = 0) -> None:
    """Print the AUC of all methods, and what knowing how pictures were made adds."""
    names, prior_names = place.names, priors_of_items(place.names)
    scaling = Scaling.of(place.both, place.told, names)
    z, made = scaling.frame.deviations(place.both), columns_of(place.makings)
    # Scaled so that items and facts have the same sum of squares.
    known = np.hstack([z / np.sqrt((z**2).sum(axis=1).mean()), made / np.sqrt((made**2).sum(axis=1).mean())]) * 30
    for share in shares:
        print(f"\nshare of the maker {share:g}, {persons} persons; AUC on pictures of other prompts")
        for size in sizes:
            reached = dict[str, list[float]]()
            for person in range(first, first + persons):
                label = place.person(person, share)
                learn, test = place.split(label, size, person)
                liked = label[test] == 1
                parts = {"good": learn[:size], "bad": learn[size:]}
                examples = from_modes({mode: place.both[rows] for mode, rows in parts.items()})
                examples = replace(examples, priors=place.told[learn], prior_names=prior_names)
                scores = {}
                unread, unknown = np.full(len(place.both), Making()), np.full(len(place.both), None)
                for title, makings in (("soart", place.makings), ("unread", unread), ("before", unknown)):
                    fitted = fit(replace(examples, makings=makings[learn]), names, scaling)
                    scores[title] = fitted(place.both[test], place.told[test], makings[test])
                for rival in ("ridge", "logistic", "GP"):
                    scores[rival] = rival_scores(rival, known[learn], label[learn].astype(float), known[test])
                for title, values in scores.items():
                    reached.setdefault(title, []).append(float(roc_auc_score(liked, values)))
            line = f"  {size}+{size}: soart {np.mean(reached['soart']):.3f}"
            for title, values in reached.items():
                if title != "soart":
                    mean, low, high = interval(np.array(reached["soart"]) - np.array(values))
                    line += f"   {title} {np.mean(values):.3f} ({mean:+.3f}: {low:+.3f} … {high:+.3f})"
            print(line, flush=True)


def main() -> None:
    """Print the tables."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=40)
    parser.add_argument("--part", choices=("requests", "generators"), action="append", help="repeat for both")
    parser.add_argument(
        "--development", action="store_true", help="prompts and persons that the beliefs were learnt on"
    )
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    for name, pictures in (("requests", requests), ("generators", generators)):
        if name in (arguments.part or ("requests", "generators")):
            place = pictures(arguments.cache).half(development=arguments.development)
            print(
                f"\n{name}: {len(place.both)} pictures, {place.maker.max() + 1} makers, {place.prompt.max() + 1} prompts"
            )
            compare(place, arguments.persons, SIZES, SHARES, FIRST if arguments.development else 0)


if __name__ == "__main__":
    main()
