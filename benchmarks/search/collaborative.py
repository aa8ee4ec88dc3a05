"""Compares the rating model with public recommenders on planted ratings.

    python benchmarks/search/collaborative.py [--seeds 5] [--only recommenders,overhead]

Printed are errors on held-out ratings, the coverage of intervals, and time. No package contains a real rating
matrix without a download, so the data are planted:

* (a) 40 raters × 300 prompts of 6 slots × 5 options. Shared taste and own taste each have main effects and pairs.
* (b) As a, but nobody has rated the tested prompts.
* (c) As a, but the tested raters gave only three ratings each.

All ratings have noise of deviation 0.5, beside about 1 of the truth. Errors are against the noise-free truth.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from soart.benchmarks.common import at_least, command, names_among
from soart.benchmarks.data.ratings import Ratings, structured
from soart.prompts.rating_model.choice_functions import prior_draws
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.steering.search import Domain
from soart.prompts.steering.steering import Steering


def bias(data: Ratings, rng: np.random.Generator) -> np.ndarray:
    """User and item biases by alternating ridge means."""
    r, p, y, t = data.raters, data.prompts, data.ratings, data.train
    mean, by_rater, by_prompt = y[t].mean(), np.zeros(r.max() + 1), np.zeros(p.max() + 1)
    for _ in range(20):
        for own, index, other in ((by_rater, r, by_prompt[p]), (by_prompt, p, by_rater[r])):
            left = np.bincount(index[t], (y - mean - other)[t], len(own))
            own[:] = left / (np.bincount(index[t], minlength=len(own)) + 1.0)
    return mean + by_rater[r] + by_prompt[p]


def surprise(name: str) -> Callable[[Ratings, np.random.Generator], np.ndarray]:
    """Surprise's SVD or SVD++ with the best of a few settings by cross-validation on the learning ratings."""

    def fit(data: Ratings, rng: np.random.Generator) -> np.ndarray:
        import surprise as library

        t, seed = data.train, int(rng.integers(2**31))
        rows = list(zip(data.raters[t], data.prompts[t], data.ratings[t], strict=True))
        low, high = data.ratings[t].min(), data.ratings[t].max()

        def train(part: list[tuple[int, int, float]], factors: int, penalty: float) -> object:
            import pandas

            frame = pandas.DataFrame(part, columns=["rater", "prompt", "rating"])
            loaded = library.Dataset.load_from_df(frame, library.Reader(rating_scale=(low, high)))
            algorithm = getattr(library, name)(
                n_factors=factors, reg_all=penalty, n_epochs=60, lr_all=0.01, random_state=seed
            )
            return algorithm.fit(loaded.build_full_trainset())

        order = rng.permutation(len(rows))
        early, late = [rows[i] for i in order[len(rows) // 5 :]], [rows[i] for i in order[: len(rows) // 5]]
        settings = [(factors, penalty) for factors in (3, 10) for penalty in (0.05, 0.15)]
        errors = []
        for factors, penalty in settings:
            model = train(early, factors, penalty)
            errors.append(np.mean([(model.predict(u, i).est - y) ** 2 for u, i, y in late]))
        model = train(rows, *settings[int(np.argmin(errors))])
        return np.array([model.predict(u, i).est for u, i in zip(data.raters, data.prompts, strict=True)])

    return fit


def implicit_als(data: Ratings, rng: np.random.Generator) -> np.ndarray:
    """Implicit's ALS on ratings above the lowest; least squares maps its scores to the scale of ratings."""
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    # The mapping to the scale of ratings is learnt on a fifth of the ratings that ALS does not get.
    held = data.train & (rng.random(len(data.train)) < 0.2)
    t = data.train & ~held
    above = data.ratings - data.ratings[t].min() + 0.01
    shape = (data.raters.max() + 1, data.prompts.max() + 1)
    matrix = csr_matrix((above[t], (data.raters[t], data.prompts[t])), shape=shape)
    model = AlternatingLeastSquares(
        factors=8, regularization=1.0, iterations=20, num_threads=1, random_state=int(rng.integers(2**31))
    )
    model.fit(matrix, show_progress=False)
    score = (model.user_factors[data.raters] * model.item_factors[data.prompts]).sum(axis=1)
    design = np.column_stack([np.ones(len(score)), bias(data, rng), score])
    return design @ np.linalg.lstsq(design[held], data.ratings[held], rcond=None)[0]


def ours(data: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Soart's rating model: mean and deviation of a single rating of every cell."""
    t = data.train
    model = RatingModel(data.levels).fit(data.choices[t], data.ratings[t], raters=data.raters[t])
    return model.predict(data.choices, data.raters, noise=True)


PARTS = ("recommenders", "overhead")
RECOMMENDERS = {
    "bias": bias,
    "SVD": surprise("SVD"),
    "SVD++": surprise("SVDpp"),
    "implicit ALS": implicit_als,
}
DATA = {
    "b prompts": lambda rng: structured(rng, ""),
    "c new prompts": lambda rng: structured(rng, "new prompts"),
    "d new raters": lambda rng: structured(rng, "new raters"),
}


def recommenders(seeds: int) -> None:
    """Print RMSE against the truth of held-out cells, seconds, and the share of held-out ratings inside the intervals."""
    coverages = (0.5, 0.8, 0.9, 0.95)
    print(f"\nRMSE against the truth of held-out cells, mean ± standard error over {seeds} data sets (seconds)")
    print(f"{'data':16}" + "".join(f"{name:>24}" for name in ("soart", *RECOMMENDERS)))
    shares = {}
    for title, make in DATA.items():
        sets = [make(np.random.default_rng([91, seed])) for seed in range(seeds)]
        begun = time.perf_counter()
        fitted = [ours(data) for data in sets]
        spent = [time.perf_counter() - begun]
        predicted = [[mean for mean, _ in fitted]]
        for fit in RECOMMENDERS.values():
            begun = time.perf_counter()
            predicted.append([fit(data, np.random.default_rng([92, seed])) for seed, data in enumerate(sets)])
            spent.append(time.perf_counter() - begun)
        cells = ""
        for values, seconds in zip(predicted, spent, strict=True):
            errors = [rmse(value, data) for value, data in zip(values, sets, strict=True)]
            cells += f"{np.mean(errors):9.3f} ± {np.std(errors) / np.sqrt(seeds):.3f} ({seconds / seeds:5.1f})"
        print(f"{title:16}{cells}", flush=True)
        held = [np.flatnonzero(~data.train) for data in sets]
        z = np.concatenate(
            [np.abs(data.ratings - mean)[t] / wide[t] for data, (mean, wide), t in zip(sets, fitted, held, strict=True)]
        )
        shares[title] = [float((z < norm.ppf(0.5 + coverage / 2)).mean()) for coverage in coverages]
    print("\nShare of held-out ratings inside soart's intervals")
    print(f"{'data':16}" + "".join(f"{coverage:8.0%}" for coverage in coverages))
    for title, row in shares.items():
        print(f"{title:16}" + "".join(f"{share:8.1%}" for share in row))


def rmse(predicted: np.ndarray, data: Ratings) -> float:
    """Root of the mean squared error against the truth of held-out cells."""
    return float(np.sqrt(np.mean((predicted - data.truth)[~data.train] ** 2)))


def overhead(slots: int, options: int, before: int, count: int) -> None:
    """Print the seconds of a batch of ``count`` after ``before`` observations, and of the first one after a resume."""
    rng, domain = np.random.default_rng(0), Domain.of((options,) * slots)
    theta = Layout(slots, ()).unpack(np.log([1.0, 1.0, 0.5, *[0.1] * slots]))
    truth = prior_draws(rng, 1, domain.levels, theta, 0.0)
    steering = Steering(domain)
    shown = domain.random(rng, before - count)
    steering.tell(shown, truth(shown)[0] + 0.5 * rng.standard_normal(len(shown)))
    spent, worked = [], []
    for _ in range(6):
        begun, work = time.perf_counter(), time.process_time()
        batch = steering.ask(count, rng)
        spent.append(time.perf_counter() - begun)
        worked.append(time.process_time() - work)
        steering.tell(batch, truth(batch)[0] + 0.5 * rng.standard_normal(count))
    print(
        f"\nA batch of {count} after {before} observations, {slots} slots × {options} options: {np.median(spent[1:]):.2f} s "
        f"(median of 5); the first after a resume, with hyper-parameters from nothing: {spent[0]:.2f} s. Of the processor, "
        f"on a machine with other work: {np.median(worked[1:]):.2f} s and {worked[0]:.2f} s"
    )


def main() -> None:
    """Print the tables."""
    parser = command(__doc__)
    parser.add_argument("--seeds", type=at_least(1), default=5)
    parser.add_argument("--only", type=names_among(PARTS), default=",".join(PARTS))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    parts = arguments.only
    if "recommenders" in parts:
        recommenders(arguments.seeds)
    if "overhead" in parts:
        overhead(10, 10, before=500, count=8)
        # 10¹² choices.
        overhead(12, 10, before=500, count=8)
        # A suggestion at a time, as in a study of Optuna, while hyper-parameters are averaged over and after.
        overhead(40, 30, before=50, count=1)
        overhead(40, 30, before=200, count=1)


if __name__ == "__main__":
    main()
