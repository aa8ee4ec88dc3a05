"""Predicts any rater's opinion of any choice, from ratings and pairs.

The rating model is a Gaussian process over raters × choices, see ``kernels``. Feedback enters as
likelihoods of one latent taste, see ``feedback``. Hyper-parameters are learnt by marginal likelihood. Of more than
``most_cells`` cells a part is learnt from.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Self, TypeAlias

import numpy as np

from ...errors import PromptError
from ...threads import one_blas_thread
from .choice_functions import Tables
from .feedback import Feedback, Terms, thin
from .hyperparameters import Evidence, HyperPriors, Layout, maximise
from .kernels import Hyperparameters, Rows, check_choices, check_levels, covariance, offsets
from .laplace import find_mode
from .posterior import AveragedPosterior, Covariance, KernelPosterior, draw_hyperparameters
from .similarity import Similarities, check_similarities

DEFAULT_RATER = "you"
Names = Sequence[Hashable] | np.ndarray
#: Most cells that hyper-parameters are learnt from (a dozen numbers need no more), and that their first estimate uses.
MOST_CELLS, MOST_CELLS_AT_FIRST = 2000, 600

#: For raters of whom something is known beforehand, the (Σ|s|,) expected effect of every option, in rating units.
Expected: TypeAlias = Mapping[Hashable, np.ndarray]

#: Up to this many cells hyper-parameters are averaged over, and the number of draws of them.
FEW_CELLS, AVERAGED = 60, 8


class Cells:
    """The distinct cells of n rows, which name rater, choice and picture as people do.

    Rows with the same rater, choice and picture share a cell. Without ``pictures``, each row is a picture of its own.
    """

    def __init__(self, choices: np.ndarray, raters: Names | None, pictures: Names | None) -> None:
        n = len(choices)
        for name, column in (("raters", raters), ("pictures", pictures)):
            if column is not None and len(column) != n:
                raise PromptError(f"Expected {name} for each of {n} rows, got {len(column)}.")
        rater_names = [DEFAULT_RATER] * n if raters is None else list(raters)
        self.raters: list[Hashable] = list(dict.fromkeys(rater_names))
        self._index = {rater: number for number, rater in enumerate(self.raters)}
        rater = np.array([self._index[name] for name in rater_names], dtype=np.int64)
        picture_names = () if pictures is None else pictures
        numbers = {name: number for number, name in enumerate(dict.fromkeys(picture_names))}
        picture = np.array([numbers[name] for name in picture_names], dtype=np.int64) if numbers else np.full(n, -1)
        key = np.column_stack([rater, picture, choices])
        _, first, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
        self.rows = Rows(choices[first], rater[first], picture[first])
        self.cell: np.ndarray = cell.reshape(-1)

    def index(self, raters: Names | None) -> list[int]:
        """Indices of raters, −1 for unknown ones; by default the only rater, or an unknown one if there are several."""
        if raters is None:
            return [0 if len(self.raters) == 1 else -1]
        return [self._index.get(rater, -1) for rater in raters]

    def new(self, choices: np.ndarray, raters: Names | None) -> Rows:
        """Cells of new pictures."""
        indices = self.index(None) * len(choices) if raters is None else self.index(raters)
        if len(indices) != len(choices):
            raise PromptError(f"Expected a rater for each of {len(choices)} choices, got {len(indices)}.")
        return Rows(choices, np.array(indices, dtype=np.int64), np.full(len(choices), -1))


class RatingModel:
    """Collaborative filtering of prompt choices.

    Args:
        levels: number of options of each slot, (S,).
        iterations: most steps of L-BFGS for the hyper-parameters.
        most_cells: of more cells, raters give some judgements in turn until there are so many, see ``thin``.
        similarities: which options of each slot are alike, see ``similarity``; by default none.

    Attributes:
        theta_: hyper-parameters, variances in units of σ².
        raters_: the known raters, in the order of their index.
        location_, spread_: rating = location + spread · σ · h for latent taste h.
        noise_: deviation of a single rating from a picture's true value, in rating units.
    """

    def __init__(
        self,
        levels: Sequence[int],
        *,
        iterations: int = 60,
        most_cells: int = 2500,
        similarities: Similarities = (),
    ) -> None:
        self.levels = check_levels(levels)
        self.similarities = check_similarities(similarities, self.levels)
        self.iterations, self.most_cells = iterations, most_cells
        self._drawn: list[Hyperparameters] = []
        self._expected: dict[Hashable, np.ndarray] = {}

    @one_blas_thread()
    def fit(
        self,
        choices: object,
        feedback: Feedback | object,
        *,
        raters: Names | None = None,
        pictures: Names | None = None,
        start: Hyperparameters | None = None,
        keep: bool = False,
        expected: Expected = MappingProxyType({}),
    ) -> Self:
        """Learn from n rows; each is a picture of one of the (n, S) ``choices``, shown to one of the (n,) ``raters``.

        Plain (n,) numbers as ``feedback`` are a rating of each row. With ``pictures``, (n,) identities, one may be
        judged more than once: seed noise and rating noise are then separated. ``start`` are hyper-parameters to start
        from, such as ``theta_`` of the previous fit; with ``keep`` they are kept, and those drawn around them by the
        fit that learnt them. ``expected`` is the prior mean of raters' functions of the choice, see ``Expected``: the
        Gaussian process is what their opinions differ from it by.
        """
        x = check_choices(choices, self.levels)
        judgements = feedback if isinstance(feedback, Feedback) else Feedback.of_ratings(feedback)
        judgements.check(len(x))
        ratings = np.asarray(judgements.ratings, dtype=np.float64)
        self.cells_ = Cells(x, raters, pictures)
        self.raters_, rows = self.cells_.raters, self.cells_.rows
        self._expected = {rater: self._checked(effects) for rater, effects in expected.items()}
        known = self._expected_of([self.raters_[rater] for rater in rows.raters], rows.choices)
        self._set_scale(ratings - known[self.cells_.cell[judgements.rated]])
        terms = Terms.of(judgements, self.cells_.cell, (ratings - self.location_) / self.spread_, known / self.spread_)
        terms.check_raters(rows)
        if len(rows) > self.most_cells:
            rows, terms = thin(rows, terms, self.most_cells, np.random.default_rng(0))
        layout = Layout.of(rows, terms, len(self.raters_), self.similarities)
        if start is not None and len(start.slots) != len(self.levels):
            start = None
        some_rows, some_terms = rows, terms
        if len(rows) > MOST_CELLS:
            some_rows, some_terms = thin(rows, terms, MOST_CELLS, np.random.default_rng(0))
        evidence = Evidence(some_rows, some_terms, self.levels, layout, HyperPriors())
        iterations = 0 if keep and start is not None else self.iterations
        if len(some_rows) > MOST_CELLS_AT_FIRST and start is None and iterations:
            # From a good start the larger sample needs only a few steps.
            fewer = thin(rows, terms, MOST_CELLS_AT_FIRST, np.random.default_rng(0))
            start = maximise(Evidence(*fewer, self.levels, layout, HyperPriors()), None, iterations)
            iterations = max(iterations // 6, 1)
        self.theta_ = maximise(evidence, start, iterations)
        mode = evidence.mode(self.theta_)
        if len(some_rows) < len(rows):
            mode = find_mode(covariance(rows, rows, self.levels, self.theta_), terms, self.theta_.noise)
        single = KernelPosterior(self.levels, rows, self.theta_, mode)
        self.posterior_: KernelPosterior | AveragedPosterior = single
        if iterations:
            few = 0 < len(rows) <= FEW_CELLS
            seeded = np.random.default_rng(0)
            self._drawn = draw_hyperparameters(evidence, self.theta_, AVERAGED, seeded) if few else []
        if self._drawn and len(rows) <= FEW_CELLS:
            parts = [KernelPosterior(self.levels, rows, theta, evidence.mode(theta)) for theta in self._drawn]
            self.posterior_ = AveragedPosterior([single, *parts])
        self._unit = self.theta_.noise * self.spread_
        self.noise_ = self._unit
        return self

    def predict(
        self,
        choices: object,
        raters: Names | None = None,
        *,
        noise: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(m,) means and standard deviations of (m, S) choices, in rating units; with ``noise`` of new ratings.

        An unknown rater stands for the part that raters have in common; by default it is the only rater, or an unknown
        one.
        """
        rows = self.cells_.new(check_choices(choices, self.levels), raters)
        mean, variance = self.posterior_.predict(rows)
        if noise:
            variance = variance + 1.0 + self.theta_.seeds
        names = self._named(None) * len(rows) if raters is None else list(raters)
        known = self._expected_of(names, rows.choices)
        return self.location_ + self._unit * mean + known, self._unit * np.sqrt(variance)

    def means(self, raters: Names | None = None) -> list[Tables]:
        """Each rater's posterior mean as a function of the choice, in rating units."""
        tables = self.posterior_.means(self.cells_.index(raters))
        return self._in_rating_units(tables, raters)

    def draws(self, rng: np.random.Generator, count: int, raters: Names | None = None) -> list[Tables]:
        """``count`` joint posterior draws of the raters' functions of the choice, in rating units; a table per rater."""
        tables = self.posterior_.draws(rng, count, self.cells_.index(raters))
        return self._in_rating_units(tables, raters, in_place=len(tables) == 1)

    def covariance(self, choices: object, goal: Mapping[Hashable, float]) -> tuple[Covariance, float]:
        """Covariance of a goal Σ_r goal[r] f_r between n choices, and the variance of a new picture's rating by it.

        Both are in squared rating units; all unknown raters count as one.
        """
        shares: dict[int, float] = {}
        for index, share in zip(self.cells_.index(list(goal)), goal.values(), strict=True):
            shares[index] = shares.get(index, 0.0) + share
        covariance = self.posterior_.covariance(check_choices(choices, self.levels), shares)
        once = sum(share**2 for share in goal.values()) + self.theta_.seeds * sum(goal.values()) ** 2
        return covariance.times(self._unit**2), self._unit**2 * once

    def _in_rating_units(
        self, tables: Sequence[Tables], raters: Names | None, *, in_place: bool = False
    ) -> list[Tables]:
        """The raters' functions in rating units, with what is expected of each; see ``Tables.times``."""
        found = []
        for table, name in zip(tables, self._named(raters), strict=True):
            whole = table.times(self._unit, in_place=in_place).shifted(np.full(len(table), self.location_))
            found.append(replace(whole, main=whole.main + self._expected[name]) if name in self._expected else whole)
        return found

    def _named(self, raters: Names | None) -> list[Hashable]:
        """Names of raters as in ``Cells.index``; None for an unknown one."""
        if raters is not None:
            return list(raters)
        return [self.raters_[0] if len(self.raters_) == 1 else None]

    def _checked(self, effects: np.ndarray) -> np.ndarray:
        if np.shape(effects) != (sum(self.levels),) or not np.isfinite(effects).all():
            raise PromptError(f"Expected a finite effect for each of {sum(self.levels)} options, got {effects!r:.80}.")
        return np.asarray(effects, dtype=np.float64)

    def _expected_of(self, raters: Sequence[Hashable], choices: np.ndarray) -> np.ndarray:
        """(n,) what is expected beforehand of the opinions of (n,) raters on (n, S) choices, in rating units."""
        known = np.zeros(len(choices))
        if self._expected:
            columns = choices + offsets(self.levels)
            for number, rater in enumerate(raters):
                if rater in self._expected:
                    known[number] = self._expected[rater][columns[number]].sum()
        return known

    def _set_scale(self, ratings: np.ndarray) -> None:
        self.location_ = float(ratings.mean()) if len(ratings) else 0.0
        spread = float(ratings.std()) if len(ratings) > 1 else 0.0
        # Equal ratings have a deviation of rounding errors only.
        self.spread_ = spread if spread > 1e-12 * np.abs(ratings).max(initial=0.0) else 1.0
