"""The rating model: what any rater thinks of any choice, from every kind of feedback at once.

A Gaussian process over raters × (choices + pictures), see ``kernels``; feedback as likelihoods of one latent taste, see
``feedback``. Hyper-parameters by marginal likelihood. Up to ``exact_limit`` cells the kernel form is used; beyond it, or where the space
has fewer features than there are cells, the explicit feature form, which is linear in the number of observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from ...errors import PromptError
from .cells import Cells, Names
from .choice_functions import Tables
from .feature_posterior import FeaturePosterior, fit_features
from .feedback import Feedback
from .hyperparameters import Evidence, Layout, Priors, maximise
from .kernel_posterior import KernelPosterior
from .kernels import Hyperparameters, check_choices, check_levels, covariance
from .laplace import find_mode
from .likelihoods import Terms, thin

#: Hyper-parameters are learnt from so many cells at most: a dozen numbers need no more.
LEARN_LIMIT, COARSE = 2000, 600


class RatingModel:
    """Collaborative filtering of prompt choices.

    Args:
        levels: number of options of each slot, (S,).
        scale: lowest and highest possible rating; its middle is the border between liked and disliked. Without it ratings are
            taken relative to their own mean and deviation.
        priors: of the hyper-parameters.
        iterations: at most so many steps of L-BFGS for the hyper-parameters.
        exact_limit: largest number of cells for the kernel form.
        factors: number of latent factors of the raters, fitted beside their shared and own parts; worth it from some dozens of raters.

    Attributes:
        theta_: hyper-parameters, variances in units of σ².
        raters_: the raters seen, in the order of their index.
        location_, spread_: rating = location + spread · σ · h for latent taste h.
        noise_: deviation of a single rating about a picture's true value, in rating units.
        evidence_: log marginal likelihood of what the hyper-parameters were learnt from.
    """

    def __init__(
        self,
        levels: Sequence[int],
        scale: tuple[float, float] | None = None,
        *,
        priors: Priors | None = None,
        iterations: int = 60,
        exact_limit: int = 2500,
        factors: int = 0,
    ) -> None:
        self.levels = check_levels(levels)
        if scale is not None and not (np.isfinite(scale).all() and scale[0] < scale[1]):
            raise PromptError(f"Expected a rating scale from low to high, got {scale}.")
        self.scale, self.priors = scale, priors or Priors()
        self.iterations, self.exact_limit, self.factors = iterations, exact_limit, factors

    def fit(
        self,
        choices: object,
        feedback: Feedback | object,
        *,
        raters: Names | None = None,
        items: object | None = None,
        pictures: Names | None = None,
        start: Hyperparameters | None = None,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Learn from n rows, each a picture of one choice shown to one rater.

        Args:
            choices: (n, S) integers.
            feedback: on the rows; plain (n,) numbers are ratings of each row.
            raters: (n,) who judged; one rater by default.
            items: (n, p) image items.
            pictures: (n,) identity of the picture, where one may be judged more than once: seed noise and rating noise are then
                told apart.
            start: hyper-parameters to start from, such as ``theta_`` of the previous fit.
            rng: chooses the cells that hyper-parameters are learnt from when there are too many; seed 0 by default.

        Raises:
            PromptError: numbers that do not fit together, or a rating that is not finite.
        """
        x = check_choices(choices, self.levels)
        given = feedback if isinstance(feedback, Feedback) else Feedback.of_ratings(feedback)
        given.check(len(x))
        ratings = np.asarray(given.ratings, dtype=np.float64)
        self._set_scale(ratings)
        self.cells_ = Cells(x, raters, items, pictures)
        self.raters_, rows = self.cells_.raters, self.cells_.rows
        terms = Terms.of(given, self.cells_.cell, (ratings - self.location_) / self.spread_)
        terms.check_raters(rows)
        layout = Layout.of(rows, terms, len(self.raters_))
        if start is not None and len(start.slots) != len(self.levels):
            start = None
        few, part = rows, terms
        if len(rows) > LEARN_LIMIT:
            few, part = thin(rows, terms, LEARN_LIMIT, rng or np.random.default_rng(0))
        evidence = Evidence(few, part, self.levels, layout, self.priors)
        iterations = self.iterations
        if len(few) > COARSE and start is None and iterations:
            # From a good start the many cells need a few steps only.
            fewer = thin(rows, terms, COARSE, rng or np.random.default_rng(0))
            start = maximise(Evidence(*fewer, self.levels, layout, self.priors), None, iterations)
            iterations = max(iterations // 6, 1)
        self.theta_ = maximise(evidence, start, iterations)
        mode = evidence.mode(self.theta_)
        self.evidence_ = mode.evidence
        self.posterior_: KernelPosterior | FeaturePosterior
        if len(rows) > self.exact_limit or self.factors:
            self.posterior_ = fit_features(self.levels, rows, terms, self.theta_, len(self.raters_), self.factors)
        else:
            if len(few) < len(rows):
                mode = find_mode(covariance(rows, rows, self.levels, self.theta_), terms, self.theta_.noise)
            self.posterior_ = KernelPosterior(self.levels, rows, self.theta_, mode)
        self._unit = self.theta_.noise * self.spread_
        self.noise_ = self._unit * float(np.sqrt(self.posterior_.calibration))
        return self

    def predict(
        self,
        choices: object,
        raters: Names | None = None,
        items: object | None = None,
        *,
        noise: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of m cells, in rating units, (m,) each.

        Args:
            choices: (m, S) integers.
            raters: (m,); a rater never seen gets what raters have in common. By default the first rater, or one never seen if there are several.
            items: (m, p) items of the pictures; without them, the mean over pictures of the choice.
            noise: whether the deviation is that of a single new rating of a new picture.
        """
        rows = self.cells_.new(check_choices(choices, self.levels), raters, items)
        mean, variance = self.posterior_.predict(rows)
        if noise:
            variance = variance + self.posterior_.calibration * (1.0 + self.theta_.seeds)
        return self.location_ + self._unit * mean, self._unit * np.sqrt(variance)

    def means(self, raters: Names | None = None) -> list[Tables]:
        """Each rater's posterior mean as a function of the choice, in rating units."""
        tables = self.posterior_.means(self.cells_.index(raters))
        return [self._in_rating_units(table) for table in tables]

    def draws(self, rng: np.random.Generator, count: int, raters: Names | None = None) -> list[Tables]:
        """``count`` joint posterior draws of the raters' functions of the choice, in rating units; a table of draws a rater."""
        tables = self.posterior_.draws(rng, count, self.cells_.index(raters))
        return [self._in_rating_units(table) for table in tables]

    def sample(self, choices: object, rng: np.random.Generator, count: int, raters: Names | None = None) -> np.ndarray:
        """(g, count, m) joint posterior draws of g raters at m candidates, in rating units."""
        x = check_choices(choices, self.levels)
        return np.stack([table(x) for table in self.draws(rng, count, raters)])

    def _in_rating_units(self, table: Tables) -> Tables:
        return table.times(self._unit).shifted(np.full(len(table), self.location_))

    def check_scale(self, ratings: np.ndarray) -> None:
        """Refuse ratings outside the scale.

        Raises:
            PromptError: a rating below the lowest or above the highest one.
        """
        if self.scale is not None and len(ratings):
            low, high = self.scale
            if np.min(ratings) < low or np.max(ratings) > high:
                raise PromptError(
                    f"Expected ratings from {low:g} to {high:g}, got {np.min(ratings):g} to {np.max(ratings):g}."
                )

    def _set_scale(self, ratings: np.ndarray) -> None:
        self.check_scale(ratings)
        if self.scale is not None:
            self.location_, self.spread_ = sum(self.scale) / 2, (self.scale[1] - self.scale[0]) / 2
            return
        self.location_ = float(ratings.mean()) if len(ratings) else 0.0
        spread = float(ratings.std()) if len(ratings) > 1 else 0.0
        # Equal ratings have a deviation of rounding errors only.
        self.spread_ = spread if spread > 1e-12 * (1 + abs(self.location_)) else 1.0
