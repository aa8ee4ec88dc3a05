"""Soart's rating model as a sampler for any Optuna study.

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=1))

Needs Optuna (``pip install 'soart[optuna]'``).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PromptError
from ..prompts.steering.ranges import Range
from ..prompts.steering.replay import ReplayedSteering
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

#: Categories beyond so many are left to the independent sampler: the model keeps an effect for every pair of options.
MOST_OPTIONS = 100


class SoartSampler(BaseSampler):
    """Main effects and pair interactions of all parameters by a Gaussian process, steered by Thompson sampling.

    Made for many categorical parameters and few, noisy trials. Categories are options of a slot. Numbers with at most ``bins`` values
    (a step, or whole numbers) are an option each; others are cut into ``bins`` bins, equally wide (on the logarithm where ``log=True``),
    and drawn uniformly within a bin. The model knows no order among bins, so for purely continuous problems other samplers are better.

    Parameters that all finished trials have in common are sampled together; the rest (the first trial, conditional ones, changing
    ranges, more than 100 categories) by the independent sampler. A choice is not repeated before all were tried, whether its trial is finished,
    running, pruned or failed; then the best few are tried again, for values are noisy. Nothing is learnt from failed or pruned trials, from
    NaN, or from infinitely good values; penalties far below all other values, infinite ones too, count as moderately bad.

    Args:
        seed: of its randomness; the same study, told in the same order, is then steered the same way.
        search_space: name → distribution, where it is known beforehand: then the first trials are a balanced design already.
        bins: most options of a numeric parameter, ≥ 2.
        startup: trials of a balanced design before the model steers.
        boldness: how far to stray from what is known to be good, > 0; see ``soart.prompts.steering.batches``.
        independent_sampler: for what is not sampled together; Optuna's RandomSampler by default.

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
        boldness: float = 0.4,
        independent_sampler: BaseSampler | None = None,
    ) -> None:
        if bins < 2 or startup < 0 or not boldness > 0:
            raise PromptError(
                f"Expected at least 2 bins, a startup of at least 0 and a boldness above 0, got {bins}, {startup}, {boldness}."
            )
        self._rng = np.random.default_rng(seed)
        self._given = None if search_space is None else dict(search_space)
        self._bins, self._startup, self._boldness = bins, startup, boldness
        self._independent = independent_sampler or RandomSampler(int(self._rng.integers(2**31)))
        self._followed: tuple[str, dict[str, BaseDistribution], ReplayedSteering] | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # What is followed is found again from the study; a lock cannot be copied.
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_followed")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _followed=None)

    def reseed_rng(self) -> None:
        """Take fresh randomness, as Optuna asks in every parallel worker."""
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
        """Values for all of ``search_space``; enqueued ones are kept, and the others chosen to go with them."""
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
        """The parameters of highest posterior mean, tried or not; ``study.best_params`` is rather the luckiest trial where values are noisy.

        Numbers in bins are given by the middle of the best bin. Only what all finished trials have in common is there.

        Raises:
            PromptError: a study of several objectives, or without parameters in common.
        """
        space = self._space(study)
        if not space:
            raise PromptError(
                "There is nothing to recommend: no parameter with a choice is common to all finished trials."
            )
        with self._lock:
            follower, ranges = self._follow(study, space)
            found = follower.recommend(self._history(study, space, ranges, None)[0], self._rng)
        parts = zip(space.items(), ranges, found, strict=True)
        return {name: kind.to_external_repr(one.middle(option)) for (name, kind), one, option in parts}

    def _space(self, study: Study) -> dict[str, BaseDistribution]:
        if len(study.directions) > 1:
            raise PromptError(
                f"SoartSampler steers one objective, but this study has {len(study.directions)}; return a weighted mean of them, "
                "or use NSGAIISampler or TPESampler."
            )
        space = self._given
        if space is None:
            space = intersection_search_space(study.get_trials(deepcopy=False))
        return {name: kind for name, kind in space.items() if not kind.single() and _few(kind)}

    def _follow(self, study: Study, space: dict[str, BaseDistribution]) -> tuple[ReplayedSteering, list[Range]]:
        ranges = [_range(kind, self._bins) for kind in space.values()]
        if self._followed is None or self._followed[:2] != (study.study_name, space):
            follower = ReplayedSteering([len(one) for one in ranges], startup=self._startup, boldness=self._boldness)
            self._followed = (study.study_name, dict(space), follower)
        return self._followed[2], ranges

    def _next(
        self, study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], enqueued: Mapping[str, Any]
    ) -> dict[str, Any]:
        follower, ranges = self._follow(study, space)
        judged, others = self._history(study, space, ranges, trial.number)
        options = {
            slot: _option(kind, ranges[slot], enqueued[name])
            for slot, (name, kind) in enumerate(space.items())
            if name in enqueued
        }
        # What no distribution contains is left to Optuna, which warns of it or fails the trial.
        pinned = {slot: option for slot, option in options.items() if option is not None}
        found = follower.next(judged, self._rng, others=others, pinned=pinned)
        parts = zip(space.items(), ranges, found, strict=True)
        return {name: kind.to_external_repr(one.draw(option, self._rng)) for (name, kind), one, option in parts}

    def _history(
        self, study: Study, space: dict[str, BaseDistribution], ranges: list[Range], leave_out: int | None
    ) -> tuple[dict[int, tuple[Key, float]], list[Key]]:
        """Finished trials with their values, larger the better, and the choices of all others.

        Trials of values that are not in the space are left out: enqueued by mistake, or from before a range was changed.
        """
        sign = 1.0 if study.direction.name == "MAXIMIZE" else -1.0
        judged, others = {}, []
        for trial in study.get_trials(deepcopy=False):
            params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            if trial.number == leave_out or not all(name in params for name in space):
                continue
            parts = zip(space.items(), ranges, strict=True)
            choice = tuple(
                option for (name, kind), one in parts if (option := _option(kind, one, params[name])) is not None
            )
            if len(choice) < len(space):
                continue
            if trial.state == TrialState.COMPLETE and trial.value is not None:
                judged[trial.number] = (choice, sign * trial.value)
            else:
                others.append(choice)
        return judged, others


def _few(kind: BaseDistribution) -> bool:
    if isinstance(kind, CategoricalDistribution):
        return len(kind.choices) <= MOST_OPTIONS
    return isinstance(kind, IntDistribution | FloatDistribution)


def _option(kind: BaseDistribution, one: Range, value: object) -> int | None:
    """The option of a parameter's value; None where its distribution does not contain it."""
    try:
        inner = kind.to_internal_repr(value)
    except ValueError:
        return None
    return one.option(inner) if kind._contains(inner) else None


def _range(kind: BaseDistribution, bins: int) -> Range:
    if isinstance(kind, CategoricalDistribution):
        return Range.cut(0, len(kind.choices) - 1, 1, bins=len(kind.choices))
    assert isinstance(kind, IntDistribution | FloatDistribution)
    return Range.cut(kind.low, kind.high, kind.step, log=kind.log, bins=bins)
