"""A sampler for Optuna studies, steered by soart's rating model.

    study = optuna.create_study(direction="maximize", sampler=SoartSampler(seed=1))

Needs Optuna (``pip install 'soart[optuna]'``).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PromptError, install_command
from ..prompts.rating_model.similarity import Similarity
from ..prompts.space.conditions import Condition
from ..prompts.steering.history import (
    ALL,
    INFINITE_FROM,
    DecidingSlot,
    Range,
    SteeringFromHistory,
    feasible_first,
    find_parent,
)
from ..prompts.steering.search import Key

try:
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.samplers import BaseSampler, RandomSampler
    from optuna.search_space import IntersectionSearchSpace
    from optuna.trial import TrialState
except ImportError as missing:
    raise ImportError(f"SoartSampler needs Optuna, which is not installed: {install_command('optuna')}.") from missing

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

#: Parameters with more categories go to the independent sampler, because the model has an effect for every pair of
#: options.
MOST_CATEGORIES = 100


#: Where Optuna's samplers store the constraints of a trial.
CONSTRAINTS = "constraints"
#: Where a trial has the values that were chosen for it, of which one that fails early has only some as parameters.
CHOSEN = "soart:chosen"
#: Growth of the number of trials after which numbers get a new grid.
_GROWN = 1.25


@dataclass(frozen=True)
class _Slot:
    """A parameter as a slot; one that is not always in use has a parent, and one option more, off."""

    name: str
    kind: BaseDistribution
    parent: DecidingSlot | None = None

    def likeness(self, options: Range) -> Similarity:
        """Which of the options are alike."""
        if isinstance(self.kind, CategoricalDistribution):
            return None
        return replace(options.numbers, conditional=self.parent is not None)


@dataclass(frozen=True)
class _Steered:
    """The steering of a study.

    It has the parameters, the options of each, the trials when these were laid, by number, and parameters of trials with the
    choices that they are.
    """

    slots: list[_Slot]
    steering: SteeringFromHistory
    ranges: list[Range]
    trials: dict[int, tuple[dict[str, Any], float]]
    choices: dict[int, tuple[dict[str, Any], Key | None]] = field(default_factory=dict)


class SoartSampler(BaseSampler):
    """A Gaussian process of effects, pairs and what all numbers do together, steered by the knowledge gradient.

    It is made for many categorical parameters and few, noisy trials. Categories are options of a slot. Numbers are smooth
    curves, on the logarithm if ``log=True``: a number with at most 60 values (a step, or whole numbers) has an option for
    each, any other a grid that grows finer around the best trials.

    Parameters that all finished trials have in common are sampled together, and so are those that stand in just the
    trials with certain categories, or whole numbers, of one of these, or with certain categories of such a dependent one.
    The independent sampler draws the others: those of the first trial, those that depend on several parameters, changing
    ranges, and more than 100 categories. A choice is repeated only after all were tried, in trials of any state; then the
    best few are tried again, because values are noisy.

    Failed and pruned trials, NaN and infinitely good values are ignored. Penalties far below all other values, infinite
    ones too, count as moderately bad. A trial that breaks a constraint counts as worse than all that keep them, the worse
    the more it breaks it.

    Args:
        seed: of its random choices; with the same seed a study with the same trials in the same order is steered the
            same way.
        search_space: name → distribution, if known beforehand; then even the first trials are a balanced design.
        startup: number of trials of a balanced design before the model steers, ≥ 0.
        independent_sampler: for parameters that are not sampled together; Optuna's RandomSampler by default.
        constraints_func: returns the constraints of a finished trial, numbers of which each is at most 0 if it is kept, as
            for Optuna's own samplers. They are stored with the trial, where those of other samplers are read too.

    Raises:
        PromptError: settings of a wrong type or outside their ranges; when sampling, a study of several objectives.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        search_space: Mapping[str, BaseDistribution] | None = None,
        startup: int = 8,
        independent_sampler: BaseSampler | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        _check(seed, search_space, startup, independent_sampler)
        self._constraints = constraints_func
        self._common: tuple[Study, IntersectionSearchSpace] | None = None
        self._rng = np.random.default_rng(seed)
        self._search_space = None if search_space is None else dict(search_space)
        self._startup = startup
        self._independent = independent_sampler or RandomSampler(int(self._rng.integers(2**31)))
        self._steered: _Steered | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # The steering is rebuilt from the study; a lock cannot be copied.
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_steered", "_common")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _steered=None, _common=None)

    def reseed_rng(self) -> None:
        """Take a fresh random generator; Optuna calls this in every parallel worker."""
        with self._lock:
            self._rng = np.random.default_rng()
        self._independent.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters to sample together; a study of several objectives is refused."""
        return {slot.name: slot.kind for slot in self._slots(study)}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values for all of ``search_space``; enqueued values are kept, and the others chosen to suit them."""
        enqueued = trial.system_attrs.get("fixed_params", {})
        if all(name in enqueued for name in search_space):
            return {}
        with self._lock:
            values = self._next(study, trial, self._slots(study), enqueued)
        # Another worker may have finished a trial since the search space was inferred.
        values = {name: value for name, value in values.items() if name in search_space}
        chosen = {name: search_space[name].to_internal_repr(value) for name, value in values.items()}
        study._storage.set_trial_system_attr(trial._trial_id, CHOSEN, chosen)
        return values

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401
        """A value for a parameter that is not sampled together with the others."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass on to the independent sampler."""
        self._independent.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Store the constraints, and pass on to the independent sampler."""
        if self._constraints is not None and state in (TrialState.COMPLETE, TrialState.PRUNED):
            constraints = _numbers(self._constraints(trial))
            study._storage.set_trial_system_attr(trial._trial_id, CONSTRAINTS, constraints)
        self._independent.after_trial(study, trial, state, values)

    def recommend(self, study: Study) -> dict[str, Any]:
        """The parameters of highest posterior mean, tried or not.

        If values are noisy, ``study.best_params`` is the luckiest trial rather than the best. Only parameters that are sampled together are included.

        Raises:
            PromptError: a study of several objectives, or without parameters in common.
        """
        slots = self._slots(study)
        if not slots:
            raise PromptError(
                "There is nothing to recommend: no parameter with a choice is common to all finished trials."
            )
        with self._lock:
            steering, ranges = self._steering(study, slots)
            best = steering.recommend(self._history(study, slots, ranges, None)[0], self._rng)
        return _values(slots, ranges, best)

    def _slots(self, study: Study) -> list[_Slot]:
        """The parameters to sample together; each stands behind the one that it depends on."""
        if len(study.directions) > 1:
            raise PromptError(
                f"SoartSampler steers one objective, but this study has {len(study.directions)}; return a weighted mean of them, "
                "or use NSGAIISampler or TPESampler."
            )
        space = self._search_space
        if space is None:
            if self._common is None or self._common[0] is not study:
                self._common = study, IntersectionSearchSpace()
            space = self._common[1].calculate(study)
        finished = [trial.params for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
        usable = [_Slot(name, kind) for name, kind in space.items() if not kind.single() and _steerable(kind)]
        always = [slot for slot in usable if all(slot.name in params for params in finished)]
        dependent = self._dependent(study, always)
        # One that was named beforehand and depends on no other one is missing by mistake.
        found = {slot.name for slot in dependent}
        missing = [slot for slot in usable if slot not in always and slot.name not in found]
        return [*always, *dependent, *missing]

    def _dependent(self, study: Study, always: list[_Slot]) -> list[_Slot]:
        """The parameters of some finished trials that stand in those with certain options of one of ``always``, or of one another.

        Each stands behind the one that it depends on.
        """
        names = {slot.name for slot in always}
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        kinds: dict[str, set[BaseDistribution]] = {}
        for trial in finished:
            for name in trial.distributions.keys() - names:
                kinds.setdefault(name, set()).add(trial.distributions[name])
        waiting = {
            name: kind
            for name, (kind, *others) in sorted(kinds.items())
            if not (others or kind.single()) and _steerable(kind)
        }
        dependent: list[_Slot] = []
        while waiting and always and (found := _with_parents(waiting, [*always, *dependent], finished)):
            dependent += found
            waiting = {name: kind for name, kind in waiting.items() if name not in {slot.name for slot in found}}
        return dependent

    def _steering(self, study: Study, slots: list[_Slot]) -> tuple[SteeringFromHistory, list[Range]]:
        """The steering of this study, and the options of each parameter.

        Begun anew if parameters have changed, or if trials have grown by ``_GROWN``: then numbers get a new grid.
        """
        known, sign = self._steered, _sign(study)
        trials = {
            trial.number: (trial.params, sign * trial.value)
            for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if trial.value is not None
            and sign * trial.value < INFINITE_FROM
            and all(slot.name in trial.params for slot in slots if slot.parent is None)
        }
        # Another study may have the same parameters.
        same = known is not None and known.slots == slots and known.trials.items() <= trials.items()
        if known is not None and same and len(trials) < max(_GROWN * len(known.trials), self._startup):
            return known.steering, known.ranges
        broken = {trial.number: _violation(trial) for trial in study.get_trials(deepcopy=False)}
        ordered = sorted(trials, key=lambda number: (broken.get(number, 0.0), -trials[number][1]))
        best_first = [trials[number][0] for number in ordered]
        ranges = [
            _range(slot.kind, [params[slot.name] for params in best_first if slot.name in params]) for slot in slots
        ]
        if known is None or not same or ranges != known.ranges:
            steering = SteeringFromHistory(
                [len(options) + (slot.parent is not None) for slot, options in zip(slots, ranges, strict=True)],
                startup=self._startup,
                similarities=tuple(slot.likeness(options) for slot, options in zip(slots, ranges, strict=True)),
                conditions=tuple(Condition(at, *slot.parent) for at, slot in enumerate(slots) if slot.parent),
            )
        else:
            steering = known.steering
        self._steered = _Steered(slots, steering, ranges, trials)
        return steering, ranges

    def _next(
        self, study: Study, trial: FrozenTrial, slots: list[_Slot], enqueued: Mapping[str, Any]
    ) -> dict[str, Any]:
        steering, ranges = self._steering(study, slots)
        finished, others = self._history(study, slots, ranges, trial.number)
        pinned: dict[int, int] = {}
        for number, (slot, options) in enumerate(zip(slots, ranges, strict=True)):
            option = _option(slot.kind, options, enqueued[slot.name]) if slot.name in enqueued else None
            # Optuna itself warns of enqueued values outside their distribution, or fails the trial.
            if option is not None and (slot.parent is None or pinned.get(slot.parent.slot) in slot.parent.options):
                pinned[number] = option
        return _values(slots, ranges, steering.next(finished, self._rng, others=others, pinned=pinned))

    def _history(
        self, study: Study, slots: list[_Slot], ranges: list[Range], leave_out: int | None
    ) -> tuple[dict[int, tuple[Key, float]], list[Key]]:
        """Choices and values of finished trials, larger is better, and the choices of all other trials.

        Trials with values outside the space are left out: enqueued by mistake, or older than a change of a range.
        """
        sign = _sign(study)
        assert self._steered is not None
        known = self._steered.choices
        finished: dict[int, Key] = {}
        values: dict[int, float] = {}
        violations: dict[int, float] = {}
        others: list[Key] = []
        for trial in study.get_trials(deepcopy=False):
            params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            if trial.state != TrialState.COMPLETE:
                params = _chosen(slots, trial) | params
            if trial.number not in known or known[trial.number][0] != params:
                known[trial.number] = params, _choice(slots, ranges, params)
            choice = known[trial.number][1]
            if trial.number == leave_out or choice is None:
                continue
            if trial.state == TrialState.COMPLETE and trial.value is not None and sign * trial.value < INFINITE_FROM:
                finished[trial.number], values[trial.number] = choice, sign * trial.value
                violations[trial.number] = _violation(trial)
            else:
                others.append(choice)
        values = feasible_first(values, violations)
        return {number: (choice, values[number]) for number, choice in finished.items()}, others


def _with_parents(
    kinds: Mapping[str, BaseDistribution], known: list[_Slot], finished: Sequence[FrozenTrial]
) -> list[_Slot]:
    """Slots for the parameters of ``kinds`` that stand in just the finished trials with certain options of a known slot."""
    ranges = [_range(slot.kind, []) for slot in known]
    rows = [(trial.params, _choice(known, ranges, trial.params)) for trial in finished]
    told = [(params, choice) for params, choice in rows if choice is not None]
    table = np.array([choice for _, choice in told], dtype=np.int64).reshape(-1, len(known))
    numbers = [not isinstance(slot.kind, CategoricalDistribution) for slot in known]
    levels = [
        (len(options) + (slot.parent is not None)) * _decides(slot) for slot, options in zip(known, ranges, strict=True)
    ]
    parents = {
        name: find_parent(table, np.array([name in params for params, _ in told], dtype=bool), levels, numbers)
        for name in kinds
    }
    return [_Slot(name, kinds[name], parent) for name, parent in parents.items() if parent is not None]


def _chosen(slots: list[_Slot], trial: FrozenTrial) -> dict[str, Any]:
    """The values that were chosen for a trial, of parameters that are steered."""
    chosen = trial.system_attrs.get(CHOSEN, {})
    kinds = {slot.name: slot.kind for slot in slots if slot.name in chosen and slot.kind._contains(chosen[slot.name])}
    return {name: kind.to_external_repr(chosen[name]) for name, kind in kinds.items()}


def _choice(slots: list[_Slot], ranges: list[Range], params: Mapping[str, Any]) -> Key | None:
    """The option of every slot in a trial; None if one is missing, or outside its distribution."""
    choice: list[int] = []
    for slot, options in zip(slots, ranges, strict=True):
        off = slot.parent is not None and choice[slot.parent.slot] not in slot.parent.options
        option = _option(slot.kind, options, params[slot.name]) if slot.name in params and not off else None
        if option is None and not off:
            return None
        choice.append(len(options) if option is None else option)
    return tuple(choice)


def _values(slots: list[_Slot], ranges: list[Range], choice: Key) -> dict[str, Any]:
    """The values of the parameters that a choice uses."""
    return {
        slot.name: slot.kind.to_external_repr(options.values[option])
        for slot, options, option in zip(slots, ranges, choice, strict=True)
        if option < len(options)
    }


def _numbers(constraints: object) -> list[float]:
    """Constraints as a list of numbers; anything else is refused."""
    try:
        numbers = [float(value) for value in constraints]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        numbers = [math.nan]
    if any(map(math.isnan, numbers)):
        raise PromptError(f"Expected numbers from constraints_func, each at most 0 if it is kept, got {constraints!r}.")
    return numbers


def _violation(trial: FrozenTrial) -> float:
    """The sum of the positive parts of a trial's constraints; 0 for one without any."""
    constraints = trial.system_attrs.get(CONSTRAINTS) or ()
    return float(sum(max(value, 0.0) for value in constraints if not math.isnan(value)))


def _sign(study: Study) -> float:
    """The factor that makes larger values better."""
    return 1.0 if study.direction.name == "MAXIMIZE" else -1.0


def _steerable(kind: BaseDistribution) -> bool:
    """True for numbers, and for categories that are few enough."""
    if isinstance(kind, CategoricalDistribution):
        return len(kind.choices) <= MOST_CATEGORIES
    return isinstance(kind, IntDistribution | FloatDistribution)


def _decides(slot: _Slot) -> bool:
    """True for parameters that may decide whether another one is in use.

    These are categories, and numbers with an option for each value that are themselves always in use.
    """
    if isinstance(slot.kind, CategoricalDistribution):
        return True
    kind = slot.kind
    assert isinstance(kind, IntDistribution | FloatDistribution)
    return slot.parent is None and kind.step is not None and (kind.high - kind.low) / kind.step < ALL


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
