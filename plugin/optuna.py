"""A sampler for Optuna studies, steered by soart's rating model.

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=1))

Needs Optuna (``pip install 'soart[optuna]'``).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PromptError
from ..prompts.steering.history import INFINITE_FROM, SteeringFromHistory
from ..prompts.steering.ranges import Range
from ..prompts.steering.search import Key

try:
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.search_space import intersection_search_space
    from optuna.trial import TrialState
except ImportError as missing:
    raise ImportError("SoartSampler needs Optuna, which is not installed: pip install 'soart[optuna]'.") from missing

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

#: Parameters with more categories go to the independent sampler, because the model has an effect for every pair of
#: options.
MOST_CATEGORIES = 100


#: Growth of the number of trials after which numbers get a new grid.
_GROWN = 1.25


@dataclass(frozen=True)
class _Steered:
    """The steering of a study: its parameters, the options of each, and the trials when these were laid, by number."""

    space: dict[str, BaseDistribution]
    steering: SteeringFromHistory
    ranges: list[Range]
    trials: dict[int, tuple[dict[str, Any], float]]


class SoartSampler(BaseSampler):
    """A Gaussian process of effects, pairs and what all numbers do together, steered by the knowledge gradient.

    It is made for many categorical parameters and few, noisy trials. Categories are options of a slot. Numbers are smooth
    curves, on the logarithm if ``log=True``: a number with at most 60 values (a step, or whole numbers) has an option for
    each, any other a grid that grows finer around the best trials.

    Parameters that all finished trials have in common are sampled together. The independent sampler draws the others:
    those of the first trial, conditional ones, changing ranges, and more than 100 categories. A choice is repeated only
    after all were tried, in trials of any state; then the best few are tried again, because values are noisy.

    Failed and pruned trials, NaN and infinitely good values are ignored. Penalties far below all other values, infinite
    ones too, count as moderately bad. Constraints of trials are ignored: return such a penalty where one is broken.

    Args:
        seed: of its random choices; with the same seed a study with the same trials in the same order is steered the
            same way.
        search_space: name → distribution, if known beforehand; then even the first trials are a balanced design.
        bins: has no effect any more, because numbers are not cut into bins.
        startup: number of trials of a balanced design before the model steers, ≥ 0.
        boldness: has no effect any more, because the knowledge gradient needs no such setting.
        independent_sampler: for parameters that are not sampled together; Optuna's RandomSampler by default.

    Raises:
        PromptError: settings of a wrong type or outside their ranges; when sampling, a study of several objectives.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        search_space: Mapping[str, BaseDistribution] | None = None,
        bins: int | None = None,
        startup: int = 8,
        boldness: float | None = None,
        independent_sampler: BaseSampler | None = None,
    ) -> None:
        _check(seed, search_space, startup, independent_sampler)
        for name, value in (("bins", bins), ("boldness", boldness)):
            if value is not None:
                warnings.warn(f"{name} of SoartSampler has no effect any more: leave it out.", FutureWarning, 2)
        self._rng = np.random.default_rng(seed)
        self._search_space = None if search_space is None else dict(search_space)
        self._startup = startup
        self._independent = independent_sampler or RandomSampler(int(self._rng.integers(2**31)))
        self._steered: _Steered | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # The steering is rebuilt from the study; a lock cannot be copied.
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_steered")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _steered=None)

    def reseed_rng(self) -> None:
        """Take a fresh random generator; Optuna calls this in every parallel worker."""
        with self._lock:
            self._rng = np.random.default_rng()
        self._independent.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters to sample together.

        Raises:
            PromptError: a study of several objectives.
        """
        return self._space(study)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for all of ``search_space``; enqueued values are kept, and the others chosen to suit them."""
        enqueued = trial.system_attrs.get("fixed_params", {})
        if all(name in enqueued for name in search_space):
            return {}
        with self._lock:
            return self._next(study, trial, search_space, enqueued)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401
        """A value for a parameter that is not sampled together with the others."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass on to the independent sampler."""
        self._independent.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass on to the independent sampler."""
        self._independent.after_trial(study, trial, state, values)

    def recommend(self, study: Study) -> dict[str, Any]:
        """The parameters of highest posterior mean, tried or not.

        If values are noisy, ``study.best_params`` is the luckiest trial rather than the best. Only parameters that all finished trials have in common are included.

        Raises:
            PromptError: a study of several objectives, or without parameters in common.
        """
        space = self._space(study)
        if not space:
            raise PromptError(
                "There is nothing to recommend: no parameter with a choice is common to all finished trials."
            )
        with self._lock:
            steering, ranges = self._steering(study, space)
            best = steering.recommend(self._history(study, space, ranges, None)[0], self._rng)
        columns = zip(space.items(), ranges, best, strict=True)
        return {name: kind.to_external_repr(options.values[option]) for (name, kind), options, option in columns}

    def _space(self, study: Study) -> dict[str, BaseDistribution]:
        """The parameters to sample together."""
        if len(study.directions) > 1:
            raise PromptError(
                f"SoartSampler steers one objective, but this study has {len(study.directions)}; return a weighted mean of them, "
                "or use NSGAIISampler or TPESampler."
            )
        space = self._search_space
        if space is None:
            space = intersection_search_space(study.get_trials(deepcopy=False))
        return {name: kind for name, kind in space.items() if not kind.single() and _steerable(kind)}

    def _steering(self, study: Study, space: dict[str, BaseDistribution]) -> tuple[SteeringFromHistory, list[Range]]:
        """The steering of this study, and the options of each parameter.

        Begun anew if parameters have changed, or if trials have grown by ``_GROWN``: then numbers get a new grid.
        """
        known, sign = self._steered, _sign(study)
        trials = {
            trial.number: (trial.params, sign * trial.value)
            for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if trial.value is not None
            and sign * trial.value < INFINITE_FROM
            and all(name in trial.params for name in space)
        }
        # Another study may have the same parameters.
        same = known is not None and known.space == space and known.trials.items() <= trials.items()
        if known is not None and same and len(trials) < max(_GROWN * len(known.trials), self._startup):
            return known.steering, known.ranges
        best_first = sorted(trials.values(), key=lambda trial: -trial[1])
        ranges = [_range(kind, [params[name] for params, _ in best_first]) for name, kind in space.items()]
        if known is None or not same or ranges != known.ranges:
            alike = [
                None if isinstance(k, CategoricalDistribution) else r.numbers
                for k, r in zip(space.values(), ranges, strict=True)
            ]
            levels = [len(options) for options in ranges]
            steering = SteeringFromHistory(levels, startup=self._startup, similarities=tuple(alike))
        else:
            steering = known.steering
        self._steered = _Steered(dict(space), steering, ranges, trials)
        return steering, ranges

    def _next(
        self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], enqueued: Mapping[str, Any]
    ) -> dict[str, Any]:
        steering, ranges = self._steering(study, space)
        finished, others = self._history(study, space, ranges, trial.number)
        pinned = {
            slot: _option(kind, ranges[slot], enqueued[name])
            for slot, (name, kind) in enumerate(space.items())
            if name in enqueued
        }
        # Optuna itself warns of enqueued values outside their distribution, or fails the trial.
        valid = {slot: option for slot, option in pinned.items() if option is not None}
        choice = steering.next(finished, self._rng, others=others, pinned=valid)
        columns = zip(space.items(), ranges, choice, strict=True)
        return {name: kind.to_external_repr(options.values[option]) for (name, kind), options, option in columns}

    def _history(
        self, study: Study, space: dict[str, BaseDistribution], ranges: list[Range], leave_out: int | None
    ) -> tuple[dict[int, tuple[Key, float]], list[Key]]:
        """Choices and values of finished trials, larger is better, and the choices of all other trials.

        Trials with values outside the space are left out: enqueued by mistake, or older than a change of a range.
        """
        sign = _sign(study)
        finished, others = {}, []
        for trial in study.get_trials(deepcopy=False):
            params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            if trial.number == leave_out or not all(name in params for name in space):
                continue
            columns = zip(space.items(), ranges, strict=True)
            indices = [_option(kind, options, params[name]) for (name, kind), options in columns]
            choice = tuple(option for option in indices if option is not None)
            if len(choice) < len(space):
                continue
            if trial.state == TrialState.COMPLETE and trial.value is not None and sign * trial.value < INFINITE_FROM:
                finished[trial.number] = (choice, sign * trial.value)
            else:
                others.append(choice)
        return finished, others


def _sign(study: Study) -> float:
    """The factor that makes larger values better."""
    return 1.0 if study.direction.name == "MAXIMIZE" else -1.0


def _steerable(kind: BaseDistribution) -> bool:
    """True for numbers, and for categories that are few enough."""
    if isinstance(kind, CategoricalDistribution):
        return len(kind.choices) <= MOST_CATEGORIES
    return isinstance(kind, IntDistribution | FloatDistribution)


def _option(kind: BaseDistribution, options: Range, value: object) -> int | None:
    """The option of a parameter's value; None if its distribution does not contain it."""
    try:
        number = kind.to_internal_repr(value)
    except ValueError:
        return None
    return options.option(number) if kind._contains(number) else None


def _range(kind: BaseDistribution, tried: Sequence[Any]) -> Range:
    """The options of a parameter; ``tried`` values of it, the best first, matter for numbers."""
    if isinstance(kind, CategoricalDistribution):
        return Range(0, len(kind.choices) - 1, 1, False, tuple(range(len(kind.choices))))
    assert isinstance(kind, IntDistribution | FloatDistribution)
    return Range.grid(
        kind.low, kind.high, kind.step, log=kind.log, tried=[float(v) for v in tried if kind._contains(v)]
    )


def _check(seed: object, search_space: object, startup: object, independent: object) -> None:
    """Raise PromptError for settings of a wrong type or out of range."""
    whole = (int, np.integer)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, whole) or seed < 0):
        raise PromptError(f"Expected a whole number of at least 0 as the seed, or None, got {seed!r}.")
    if isinstance(startup, bool) or not isinstance(startup, whole) or startup < 0:
        raise PromptError(f"Expected a whole number of at least 0 as the startup, got {startup!r}.")
    if search_space is not None and not (
        isinstance(search_space, Mapping) and all(isinstance(kind, BaseDistribution) for kind in search_space.values())
    ):
        raise PromptError(f"Expected the search space as name → distribution of Optuna, got {search_space!r}.")
    if independent is not None and not isinstance(independent, BaseSampler):
        raise PromptError(f"Expected a sampler of Optuna as the independent sampler, got {independent!r}.")
