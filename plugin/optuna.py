"""A sampler for Optuna studies, steered by soart's rating model.

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=1))

Needs Optuna (``pip install 'soart[optuna]'``).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PromptError
from ..prompts.steering.history import SteeringFromHistory
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


class SoartSampler(BaseSampler):
    """A Gaussian process of main effects and pair interactions, steered by knowledge gradient.

    It is made for many categorical parameters and few, noisy trials. Categories are options of a slot. A number with at
    most ``bins`` values (a step, or whole numbers) has an option for each value. Other numbers are cut into ``bins``
    bins, equally wide (on the logarithm if ``log=True``), and drawn uniformly within a bin. The model ignores the order
    of bins, so other samplers are better for purely continuous problems.

    Parameters that all finished trials have in common are sampled together. The independent sampler draws the others:
    those of the first trial, conditional ones, changing ranges, and more than 100 categories. A choice is repeated only
    after all were tried, in trials of any state; then the best few are tried again, because values are noisy.

    Failed and pruned trials, NaN and infinitely good values are ignored. Penalties far below all other values, infinite
    ones too, count as moderately bad.

    Args:
        seed: of its random choices; with the same seed a study with the same trials in the same order is steered the
            same way.
        search_space: name → distribution, if known beforehand; then even the first trials are a balanced design.
        bins: most options of a numeric parameter, ≥ 2.
        startup: number of trials of a balanced design before the model steers, ≥ 0.
        boldness: no longer of any effect, because the knowledge gradient needs no such setting.
        independent_sampler: for parameters that are not sampled together; Optuna's RandomSampler by default.

    Raises:
        PromptError: settings outside their ranges; when sampling, a study of several objectives.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        search_space: Mapping[str, BaseDistribution] | None = None,
        bins: int = 10,
        startup: int = 8,
        boldness: float | None = None,
        independent_sampler: BaseSampler | None = None,
    ) -> None:
        if bins < 2 or startup < 0:
            raise PromptError(f"Expected at least 2 bins and a startup of at least 0, got {bins} and {startup}.")
        if boldness is not None:
            warnings.warn("SoartSampler's boldness has no effect any more; leave it out.", FutureWarning, stacklevel=2)
        self._rng = np.random.default_rng(seed)
        self._search_space = None if search_space is None else dict(search_space)
        self._bins, self._startup = bins, startup
        self._independent = independent_sampler or RandomSampler(int(self._rng.integers(2**31)))
        #: Study name, parameters, and the steering of that study.
        self._steered: tuple[str, dict[str, BaseDistribution], SteeringFromHistory] | None = None
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

        If values are noisy, ``study.best_params`` is the luckiest trial rather than the best. Numbers in bins are the
        middle of the best bin. Only parameters that all finished trials have in common are included.

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
        return {name: kind.to_external_repr(options.middle(option)) for (name, kind), options, option in columns}

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
        """The steering of this study, and the options of each parameter; begun anew if parameters have changed."""
        ranges = [_range(kind, self._bins) for kind in space.values()]
        if self._steered is None or self._steered[:2] != (study.study_name, space):
            levels = [len(options) for options in ranges]
            steering = SteeringFromHistory(levels, startup=self._startup)
            self._steered = (study.study_name, dict(space), steering)
        return self._steered[2], ranges

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
        return {
            name: kind.to_external_repr(options.draw(option, self._rng)) for (name, kind), options, option in columns
        }

    def _history(
        self, study: Study, space: dict[str, BaseDistribution], ranges: list[Range], leave_out: int | None
    ) -> tuple[dict[int, tuple[Key, float]], list[Key]]:
        """Choices and values of finished trials, larger is better, and the choices of all other trials.

        Trials with values outside the space are left out: enqueued by mistake, or older than a change of a range.
        """
        sign = 1.0 if study.direction.name == "MAXIMIZE" else -1.0
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
            if trial.state == TrialState.COMPLETE and trial.value is not None:
                finished[trial.number] = (choice, sign * trial.value)
            else:
                others.append(choice)
        return finished, others


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


def _range(kind: BaseDistribution, bins: int) -> Range:
    """The options of a parameter."""
    if isinstance(kind, CategoricalDistribution):
        return Range.cut(0, len(kind.choices) - 1, 1, bins=len(kind.choices))
    assert isinstance(kind, IntDistribution | FloatDistribution)
    return Range.cut(kind.low, kind.high, kind.step, log=kind.log, bins=bins)
