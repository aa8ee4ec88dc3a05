"""The loop that steers prompts: ask for choices, show their pictures, tell what people thought.

A thin layer over ``batches``, ``pareto`` and the rating model; it holds what was told and nothing else, so that a loop resumes by telling
again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import PromptError
from ..rating_model.cells import DEFAULT_RATER, Cells
from ..rating_model.choice_functions import Tables
from ..rating_model.effects import EffectTable, factor_effects
from ..rating_model.feedback import Feedback
from ..rating_model.hyperparameters import Priors
from ..rating_model.kernels import Hyperparameters, check_choices
from ..rating_model.likelihoods import Terms
from ..rating_model.model import RatingModel
from .batches import Robustness, balanced_batch, expected_gain, leaders_batch, over_seeds, thompson_batch
from .pareto import pareto_choices, weighted
from .search import Domain, best_of, keys


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The best choice as far as is known.

    Attributes:
        choice: (S,) options.
        mean: its posterior mean for the goal, in rating units.
        deviation: posterior standard deviation.
        shown: how many of its pictures were judged.
        settled: whether it was shown often enough to be declared the winner.
    """

    choice: np.ndarray
    mean: float
    deviation: float
    shown: int
    settled: bool


class Steering:
    """Asks for the next choices.

    Args:
        domain: the choices that may be made.
        scale: lowest and highest rating, see ``RatingModel``.
        goal: rater → weight for a goal of several raters; by default the only rater, or the mean of all.
        pareto: give every choice of a batch another weighting of the raters, to learn the whole Pareto front.
        first: (k, S) design to start with, such as an orthogonal array; by default a balanced one is made.
        boldness: see ``batches``.
        apart: smallest number of slots in which two choices of a batch differ.
        priors: of the rating model.
        iterations: steps of L-BFGS for the hyper-parameters at every batch, from those of the last one.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        scale: tuple[float, float] | None = None,
        goal: Mapping[Hashable, float] | None = None,
        pareto: bool = False,
        first: np.ndarray | None = None,
        boldness: float = 0.4,
        apart: int = 1,
        priors: Priors | None = None,
        iterations: int = 30,
    ) -> None:
        if not boldness > 0:
            raise PromptError(f"Expected a boldness above 0, got {boldness}.")
        if goal is not None and not (goal and min(goal.values()) >= 0 and 0 < sum(goal.values()) < np.inf):
            raise PromptError(f"Expected weights of at least 0, one of them positive, as the goal, got {dict(goal)}.")
        self.domain, self.goal, self.pareto = domain, goal, pareto
        self.boldness, self.apart, self.iterations = boldness, apart, iterations
        self.first = check_choices([] if first is None else first, domain.levels)
        self._model = RatingModel(domain.levels, scale, priors=priors, iterations=iterations)
        self.choices, self.feedback = check_choices([], domain.levels), Feedback()
        self.raters: list[Hashable] = []
        self.pictures: list[Hashable] = []
        self._asked: set[tuple[int, ...]] = set()
        self._fresh = False
        self._theta: Hyperparameters | None = None

    def tell(
        self,
        choices: object,
        feedback: Feedback | object,
        *,
        raters: Sequence[Hashable] | None = None,
        pictures: Sequence[Hashable] | None = None,
    ) -> None:
        """Add judged pictures.

        Args:
            choices: (n, S) the choice of each picture, any in the space: asked for or not.
            feedback: on these n rows; plain (n,) numbers are ratings.
            raters: (n,) who judged.
            pictures: (n,) identities, where a picture may be judged more than once.

        Raises:
            PromptError: what cannot be learnt from; then nothing of it is kept.
        """
        x = check_choices(choices, self.domain.levels)
        given = feedback if isinstance(feedback, Feedback) else Feedback.of_ratings(feedback)
        given.check(len(x))
        who = [DEFAULT_RATER] * len(x) if raters is None else list(raters)
        # A picture without a name is one of its own.
        named = [("unnamed", len(self.pictures) + i) for i in range(len(x))] if pictures is None else list(pictures)
        if len(who) != len(x) or len(named) != len(x):
            raise PromptError(f"Expected raters and pictures for {len(x)} choices, got {len(who)} and {len(named)}.")
        self._model.check_scale(given.ratings)
        cells = Cells(x, who, None, named)
        Terms.of(given, cells.cell, given.ratings).check_raters(cells.rows)
        self.feedback = given.after(self.feedback, len(self.choices))
        self.choices = np.vstack([self.choices, x])
        self.raters += who
        self.pictures += named
        self._fresh = False

    def reserve(self, choices: object) -> None:
        """Do not ask for these (n, S) choices, for they are being shown elsewhere."""
        self._asked |= set(keys(check_choices(choices, self.domain.levels)))

    @property
    def model(self) -> RatingModel:
        """The rating model after everything told."""
        if not self._fresh:
            # From where it was, a batch among hundreds moves the hyper-parameters little.
            if self._theta is not None:
                self._model.iterations = max(6, self.iterations * 100 // max(len(self.choices), 100))
            self._model.fit(self.choices, self.feedback, raters=self.raters, pictures=self.pictures, start=self._theta)
            self._theta, self._fresh = self._model.theta_, True
        return self._model

    def ask(self, count: int, rng: np.random.Generator, *, leaders: int = 0) -> np.ndarray:
        """(≤ count, S) choices to show next: new ones, and at the end ``leaders`` of the best ones again, for further seeds.

        Fewer only where the space has no more choices that were not yet asked for or told.

        Raises:
            PromptError: a count below 1, or constraints that leave no choice.
        """
        if count < 1 or not 0 <= leaders <= count:
            raise PromptError(f"Expected at least one choice and at most that many leaders, got {count} and {leaders}.")
        taken = self._asked | set(keys(self.choices))
        waiting = [
            choice for choice in self.first if keys(choice[None])[0] not in taken and self.domain.permits(choice)
        ]
        batch = np.array(waiting[: count - leaders], dtype=np.int64).reshape(-1, len(self.domain.levels))
        taken |= set(keys(batch))
        if missing := count - leaders - len(batch):
            if len(self.choices):
                more = self._steered(missing, rng, taken)
            else:
                more = balanced_batch(self.domain, missing, rng)
                more = more[[key not in taken for key in keys(more)]]
                if len(more) < missing:
                    rest = self._steered(missing - len(more), rng, taken | set(keys(more)))
                    more = np.vstack([more, rest])
            batch = np.vstack([batch, more])
        self._asked |= set(keys(batch))
        shown = self._shown()
        if leaders and len(shown):
            batch = np.vstack([batch, leaders_batch(self._draws(rng, leaders), shown, self._mean(), leaders)])
        return batch

    def recommend(self, rng: np.random.Generator, *, caution: float = 0.0, seeds: int = 3) -> Recommendation:
        """The permitted choice of highest posterior mean, shown or not.

        Args:
            rng: for the search.
            caution: deviations taken off the mean when the best few candidates are compared.
            seeds: judged pictures after which a winner counts as settled.
        """
        mean = self._mean()
        found = best_of(mean, self.domain, rng, starts=self._starts(mean), count=32 if caution else 1)
        spread = self._draws(rng, 200)(found).std(axis=0)
        values = mean(found)[0]
        best = int(np.argmax(values - caution * spread))
        shown = int((self.choices == found[best]).all(axis=1).sum())
        return Recommendation(found[best], float(values[best]), float(spread[best]), shown, shown >= seeds)

    def gain(self, rng: np.random.Generator, draws: int = 24) -> tuple[float, float]:
        """What going on can still gain at most, in rating units, with its standard error; see ``expected_gain``."""
        return expected_gain(self._draws(rng, draws), self.recommend(rng).choice, self.domain, rng)

    def should_stop(self, rng: np.random.Generator, threshold: float) -> bool:
        """Whether the gain is below ``threshold`` rating units, beyond its standard error."""
        mean, error = self.gain(rng)
        return mean + error < threshold

    def effects(self, rng: np.random.Generator, rater: Hashable | None = None) -> EffectTable:
        """The factor-effect table of one rater, or of the only one."""
        model = self.model
        return factor_effects(
            model, rng, rater=model.raters_[0] if rater is None and len(model.raters_) == 1 else rater
        )

    def values(self, choices: np.ndarray, rng: np.random.Generator, draws: int = 200) -> np.ndarray:
        """(draws, n) posterior draws of the goal at (n, S) choices, in rating units."""
        return self._draws(rng, draws)(choices)

    def front(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Hashable]]:
        """The Pareto front of the raters of the goal: (n, S) choices, (n, g) their means, and the g raters."""
        who = self._goal()[0]
        means = self.model.means(who)
        starts = self._starts(self._mean())
        return *pareto_choices(means, self.domain, rng, starts=starts), who

    def robustness(self) -> list[Robustness]:
        """Each rated choice over its seeds, best SN ratio first."""
        return over_seeds(self.choices[np.asarray(self.feedback.rated, dtype=np.int64)], self.feedback.ratings)

    def _goal(self) -> tuple[list[Hashable], np.ndarray]:
        who = list(self.goal) if self.goal else list(self.model.raters_) or [DEFAULT_RATER]
        weights = np.array([self.goal[rater] for rater in who] if self.goal else np.ones(len(who)), dtype=np.float64)
        return who, weights / weights.sum()

    def _mean(self) -> Tables:
        who, weights = self._goal()
        return weighted(self.model.means(who), weights)

    def _draws(self, rng: np.random.Generator, count: int) -> Tables:
        who, weights = self._goal()
        return weighted(self.model.draws(rng, count, who), weights)

    def _shown(self) -> np.ndarray:
        permitted = np.array([self.domain.permits(choice) for choice in self.choices], dtype=bool)
        return np.unique(self.choices[permitted], axis=0)

    def _starts(self, mean: Tables) -> np.ndarray:
        shown = self._shown()
        return shown[np.argsort(-mean(shown)[0], kind="stable")[:4]] if len(shown) else shown

    def _steered(self, count: int, rng: np.random.Generator, taken: set[tuple[int, ...]]) -> np.ndarray:
        who, weights = self._goal()
        goals = [(weights, count)]
        if self.pareto and len(who) > 1:
            goals = [(shares, 1) for shares in rng.dirichlet(np.ones(len(who)), count)]
        batch = np.zeros((0, len(self.domain.levels)), dtype=np.int64)
        for shares, size in goals:
            mean = weighted(self.model.means(who), shares)
            part = thompson_batch(
                weighted(self.model.draws(rng, size, who), shares),
                mean,
                self.domain,
                rng,
                boldness=self.boldness,
                starts=self._starts(mean),
                taken=taken | set(keys(batch)),
                apart=self.apart,
            )
            batch = np.vstack([batch, part])
        return batch
