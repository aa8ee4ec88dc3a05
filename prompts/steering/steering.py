"""The ask-and-tell loop that steers prompts; its only state is the feedback, which can be told again."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ...errors import PromptError
from ...threads import one_blas_thread
from ..rating_model.choice_functions import Tables
from ..rating_model.effects import EffectTable, factor_effects
from ..rating_model.feedback import Feedback, Terms
from ..rating_model.kernels import Hyperparameters, check_choices
from ..rating_model.model import DEFAULT_RATER, Cells, Expected, RatingModel
from .batches import balanced_batch, expected_gain, leaders_batch
from .knowledge_gradient import CENTRES, FEWER_CENTRES, candidates, draws_for, knowledge_gradient_batch, leaders, maxima
from .search import MOST_EXHAUSTIVE, Domain, Key, best_of, keys

#: Weighted goals that ``pareto_choices`` searches beside each rater's own.
_GOALS = 40
#: Most steps of L-BFGS for the hyper-parameters at a batch, and the fewest when there are hundreds of observations.
_STEPS, _FEWEST_STEPS = 30, 6
#: Growth of the observations after which hyper-parameters are learnt again: fewer hardly change them.
_GROWN = 1.0625
#: Posterior draws for the gain, and for deviations.
_GAIN_DRAWS, _DRAWS = 24, 200
#: Most choices asked for and not yet told whose coming ratings are taken into account.
MOST_WAITING = 64


def nondominated(values: np.ndarray) -> np.ndarray:
    """(n,) bool: True if no other row of (n, g) ``values`` is at least as good everywhere and better somewhere."""
    front = np.ones(len(values), dtype=bool)
    for i, row in enumerate(values):
        as_good = (values >= row).all(axis=1)
        front[i] = not (as_good & (values > row).any(axis=1)).any()
    return front


def weighted(tables: Sequence[Tables], weights: Sequence[float] | np.ndarray) -> Tables:
    """Σ_g weights[g] f_g, draw by draw; weights are 0 or more, not all 0."""
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (len(tables),) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise PromptError(f"Expected {len(tables)} weights of at least 0, one of them positive, got {list(weights)}.")
    total = tables[0].times(float(shares[0]))
    for table, share in zip(tables[1:], shares[1:], strict=True):
        total = total.plus(table.times(float(share)))
    return total


def pareto_choices(
    means: Sequence[Tables],
    domain: Domain,
    rng: np.random.Generator,
    *,
    starts: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(n, S) choices on the Pareto front of g raters' means, ordered by the first rater, and (n, g) their values.

    They are found by weighted goals. The search also starts from the permitted (k, S) ``starts``.
    """
    goals = np.vstack([np.eye(len(means)), rng.dirichlet(np.ones(len(means)), _GOALS)])
    best = [best_of(weighted(means, goal), domain, rng, starts=starts, count=4) for goal in goals]
    candidates = np.unique(np.concatenate(best), axis=0)
    values = np.stack([mean(candidates)[0] for mean in means], axis=1)
    front = np.flatnonzero(nondominated(values))
    order = front[np.argsort(-values[front, 0], kind="stable")]
    return candidates[order], values[order]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The best (S,) choice by posterior mean of the goal, with its deviation, in rating units."""

    choice: np.ndarray
    mean: float
    deviation: float


class Steering:
    """Chooses the next choices to show, from all feedback so far.

    Args:
        domain: the permitted choices; may be replaced between batches.
        goal: rater → weight for a goal of several raters; by default the only rater, or the mean of all.
        pareto: give every choice of a batch another weighting of the raters, to explore the whole Pareto front.
        first: (k, S) design to start with, such as an orthogonal array; by default a balanced design.
        repeats: ask for choices that were judged before where another rating of them is worth more than one of a new
            choice. They must be shown as new pictures, with other seeds.
        expected: effects of options that are expected of raters beforehand, see ``RatingModel.fit``.

    Raises:
        PromptError: weights below 0 or all 0, or a first design outside the slots.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        goal: Mapping[Hashable, float] | None = None,
        pareto: bool = False,
        first: np.ndarray | None = None,
        repeats: bool = False,
        expected: Expected = MappingProxyType({}),
    ) -> None:
        if goal is not None and not (goal and min(goal.values()) >= 0 and 0 < sum(goal.values()) < np.inf):
            raise PromptError(f"Expected weights of at least 0, one of them positive, as the goal, got {dict(goal)}.")
        self.domain, self.goal, self.pareto = domain, goal, pareto
        self.repeats, self.expected = repeats, expected
        self.first = check_choices([] if first is None else first, domain.levels)
        self._model = RatingModel(domain.levels, iterations=_STEPS, similarities=domain.similarities)
        self.choices, self.feedback = check_choices([], domain.levels), Feedback()
        self.raters: list[Hashable] = []
        self.pictures: list[Hashable] = []
        self._reserved: set[Key] = set()
        self._told: set[Key] = set()
        #: Choices asked for and not yet told, in order.
        self._asked: dict[Key, None] = {}
        self._fitted = False
        self._theta: Hyperparameters | None = None
        self._learnt_from = 0

    def tell(
        self,
        choices: object,
        feedback: Feedback | object,
        *,
        raters: Sequence[Hashable] | None = None,
        pictures: Sequence[Hashable] | None = None,
        hints: bool = False,
    ) -> None:
        """Add judged pictures of (n, S) ``choices`` in the space, asked for or not; all or none.

        Plain (n,) numbers as ``feedback`` are ratings. With ``pictures``, (n,) identities, one may be judged more than
        once. ``hints`` were shown elsewhere, so that they are still to be shown here.
        """
        x = check_choices(choices, self.domain.levels)
        judgements = feedback if isinstance(feedback, Feedback) else Feedback.of_ratings(feedback)
        judgements.check(len(x))
        names = [DEFAULT_RATER] * len(x) if raters is None else list(raters)
        # Pictures without identities all count as different.
        new = range(len(self.pictures), len(self.pictures) + len(x))
        shown = [("unnamed", number) for number in new] if pictures is None else list(pictures)
        if len(names) != len(x) or len(shown) != len(x):
            raise PromptError(f"Expected raters and pictures for {len(x)} choices, got {len(names)} and {len(shown)}.")
        cells = Cells(x, names, shown)
        Terms.of(judgements, cells.cell, judgements.ratings).check_raters(cells.rows)
        self.feedback = judgements.after(self.feedback, len(self.choices))
        self.choices = np.vstack([self.choices, x])
        if not hints:
            for key in keys(x):
                self._asked.pop(key, None)
            self._told |= set(keys(x))
        self.raters += names
        self.pictures += shown
        self._fitted = False

    def reserve(self, choices: object) -> None:
        """Never ask for these (n, S) choices, because they are being shown elsewhere."""
        self._reserved |= set(keys(check_choices(choices, self.domain.levels)))

    @property
    def model(self) -> RatingModel:
        """The rating model, fitted to all feedback."""
        if not self._fitted:
            # A batch changes the hyper-parameters little if there are hundreds of observations already.
            if self._theta is not None:
                self._model.iterations = max(_FEWEST_STEPS, _STEPS * 100 // max(len(self.choices), 100))
            known = len(self._model.raters_) if self._theta is not None else 0
            keep = len(self.choices) < _GROWN * self._learnt_from and len(set(self.raters)) == known
            self._model.fit(
                self.choices, self.feedback, raters=self.raters, pictures=self.pictures, start=self._theta, keep=keep,
                expected=self.expected,
            )  # fmt: skip
            self._theta, self._fitted = self._model.theta_, True
            self._learnt_from = self._learnt_from if keep else len(self.choices)
        return self._model

    @one_blas_thread()
    def ask(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(≤ count, S) distinct choices to show next; fewer if the space has run out of unused choices.

        They are new ones unless ``repeats``. Only rows that ``first`` repeats come as often as there.
        """
        if count < 1:
            raise PromptError(f"Expected to ask for at least one choice, got {count}.")
        taken = self._reserved | set(self._asked) | self._told
        new = np.array([key not in taken for key in keys(self.first)], dtype=bool)
        waiting = self.first[self.domain.permitted(self.first) & new]
        batch: np.ndarray = waiting[:count]
        if len(batch) < count and not len(self.choices):
            used = taken | set(keys(batch))
            balanced = balanced_batch(self.domain, count - len(batch), rng, used)
            # Where the domain has fewer choices than rows, a balanced design repeats some.
            fresh = dict.fromkeys([*keys(batch), *(key for key in keys(balanced) if key not in used)])
            batch = np.array([*fresh], dtype=np.int64).reshape(-1, len(self.domain.levels))
        if len(batch) < count and not self._used_up(taken | set(keys(batch))):
            batch = np.vstack([batch, self._steered(count - len(batch), rng, batch)])
        self._asked.update(dict.fromkeys(keys(batch)))
        return batch

    @one_blas_thread()
    def ask_again(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, S) of the best choices shown so far, to show on further seeds; (0, S) before any feedback."""
        shown = self._shown()
        return leaders_batch(self._draws(rng, count), shown, self._mean(), count) if len(shown) else shown

    @one_blas_thread()
    def recommend(self, rng: np.random.Generator) -> Recommendation:
        """The permitted choice of highest posterior mean, shown or not."""
        mean = self._mean()
        best = best_of(mean, self.domain, rng, starts=self._starts(mean))
        deviation = self._draws(rng, _DRAWS)(best).std(axis=0)
        return Recommendation(best[0], float(mean(best)[0, 0]), float(deviation[0]))

    @one_blas_thread()
    def gain(self, rng: np.random.Generator, limits: tuple[float, float] = (-np.inf, np.inf)) -> tuple[float, float]:
        """A bound of the expected further gain, in rating units, and its standard error; see ``expected_gain``."""
        return expected_gain(self._draws(rng, _GAIN_DRAWS), self.recommend(rng).choice, self.domain, rng, limits)

    def should_stop(
        self, rng: np.random.Generator, threshold: float, limits: tuple[float, float] = (-np.inf, np.inf)
    ) -> bool:
        """True if the gain is below ``threshold`` rating units, by more than its standard error."""
        mean, error = self.gain(rng, limits)
        return mean + error < threshold

    @one_blas_thread()
    def effects(self, rng: np.random.Generator, rater: Hashable | None = None) -> EffectTable:
        """The factor-effect table of ``rater``; by default of the only one, or of what several have in common."""
        model = self.model
        return factor_effects(
            model, rng, rater=model.raters_[0] if rater is None and len(model.raters_) == 1 else rater
        )

    @one_blas_thread()
    def hopeless(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(slot, option) pairs that surely are not in the best choice, worst first.

        The option's effect is below that of another option of its slot that the domain permits, by their 90 %
        intervals, and no choice that may be the best has it: on its own or together with others it is no use.
        """
        draws = self._draws(rng, draws_for(_DRAWS, self.domain))
        mean = self._mean()
        best_by_mean = best_of(mean, self.domain, rng, starts=self._starts(mean))
        leading = np.vstack([best_by_mean, maxima(draws, self.domain, rng, best_by_mean)])
        usable = self.domain.usable()
        effects = [e for e in self.effects(rng).effects if e.option in usable[e.slot]]
        best = {slot: max(e.low for e in effects if e.slot == slot) for slot in {e.slot for e in effects}}
        worse = [e for e in effects if e.high < best[e.slot] and not (leading[:, e.slot] == e.option).any()]
        return [(e.slot, e.option) for e in sorted(worse, key=lambda e: e.mean - best[e.slot])]

    @one_blas_thread()
    def values(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(200, n) posterior draws of the goal at (n, S) choices, in rating units."""
        return self._draws(rng, _DRAWS)(choices)

    @one_blas_thread()
    def front(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Hashable]]:
        """The Pareto front of the goal's raters: (n, S) choices, their (n, g) means, and the g raters."""
        raters = self._goal()[0]
        means = self.model.means(raters)
        starts = self._starts(self._mean())
        return *pareto_choices(means, self.domain, rng, starts=starts), raters

    def _goal(self) -> tuple[list[Hashable], np.ndarray]:
        """The raters of the goal and their (g,) weights, which sum to 1."""
        raters = list(self.goal) if self.goal else list(self.model.raters_) or [DEFAULT_RATER]
        weights = np.array([self.goal[rater] for rater in raters] if self.goal else np.ones(len(raters)), np.float64)
        return raters, weights / weights.sum()

    def _mean(self) -> Tables:
        raters, weights = self._goal()
        return weighted(self.model.means(raters), weights)

    def _draws(self, rng: np.random.Generator, count: int) -> Tables:
        raters, weights = self._goal()
        return weighted(self.model.draws(rng, count, raters), weights)

    def _shown(self) -> np.ndarray:
        """(k, S) distinct judged choices that the domain permits."""
        return np.unique(self.choices[self.domain.permitted(self.choices)], axis=0)

    def _starts(self, mean: Tables) -> np.ndarray:
        """(≤ 4, S) the best shown choices, to start searches from."""
        shown = self._shown()
        return shown[np.argsort(-mean(shown)[0], kind="stable")[:4]] if len(shown) else shown

    def _steered(self, count: int, rng: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        """(≤ count, S) choices by knowledge gradient, to go with (k, S) ``batch``."""
        raters, weights = self._goal()
        start, pareto = len(batch), self.pareto and len(raters) > 1
        if not pareto:
            return self._worth_most(weights, count, rng, batch)
        while len(batch) < start + count:
            more = self._worth_most(rng.dirichlet(np.ones(len(raters))), 1, rng, batch)
            if not len(more):
                break
            batch = np.vstack([batch, more])
        return batch[start:]

    def _worth_most(self, shares: np.ndarray, count: int, rng: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        """(≤ count, S) choices by knowledge gradient of the goal with (g,) ``shares``, to go with (k, S) ``batch``."""
        domain, raters = self.domain, self._goal()[0]
        mean = weighted(self.model.means(raters), shares)
        shown = self._shown()
        functions = weighted(self.model.draws(rng, draws_for(count, domain), raters), shares)
        leading = leaders(functions, mean, domain, rng, shown)
        choices = candidates(leading, mean, domain, CENTRES if count > 1 else FEWER_CENTRES)
        never = self._reserved | set(self._asked) | set(keys(batch))
        if not self.repeats:
            never |= self._told
        free = np.array([key not in never for key in keys(choices)])
        if free.sum() < count:
            more = best_of(mean, domain, rng, taken=never | set(keys(choices)), count=count)
            choices, free = np.vstack([choices, more]), np.append(free, np.ones(len(more), dtype=bool))
        waiting = np.array([*self._asked, *keys(batch)], dtype=np.int64).reshape(-1, len(domain.levels))[-MOST_WAITING:]
        pending = np.arange(len(choices), len(choices) + len(waiting))
        choices, free = np.vstack([choices, waiting]), np.append(free, np.zeros(len(waiting), dtype=bool))
        goal = dict(zip(raters, shares.tolist(), strict=True))
        covariance, noise = self.model.covariance(choices, goal)
        picks = knowledge_gradient_batch(
            mean(choices)[0], covariance, noise, count, rng, leading=len(leading), pending=pending, free=free
        )
        return choices[picks]

    def _used_up(self, taken: Collection[Key]) -> bool:
        """True if every permitted choice of a small domain is taken."""
        return self.domain.size() <= MOST_EXHAUSTIVE and all(key in taken for key in keys(self.domain.everything()))
