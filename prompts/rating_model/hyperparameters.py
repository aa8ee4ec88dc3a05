"""Learns the hyper-parameters of the rating model.

They maximise the marginal likelihood times their prior (type II maximum a posteriori), with analytic gradients. Weak
log-normal priors prevent degenerate fits on little data; without observations the priors' medians are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .feedback import Terms
from .kernels import (
    Hyperparameters,
    Rows,
    joint_kernels,
    likeness,
    main_and_squares,
    one_hot,
    same_rater,
    slot_kernels,
    unlikeness,
)
from .laplace import Mode, evidence_slope, find_mode
from .similarity import Numbers, Similarities, joint_numbers, matern

#: Deviations from the median beyond which the priors of amplitude and noise fall as a power: functions without noise are
#: far from what is usual.
_TAIL = 2.0
#: Half the width of the range of log θ, in deviations of its prior: usually, and for amplitude and noise.
_WIDE, _WIDEST = 6.0, 10.0


@dataclass(frozen=True, slots=True)
class HyperPriors:
    """Median and deviation of the natural logarithm of each hyper-parameter.

    Slots have median 1/S, so that all main effects together have a variance of about ``amplitude``. Then ``pairs`` is
    about twice the ratio of the variance of pair interactions to that of main effects.
    """

    amplitude: tuple[float, float] = (4.0, 1.5)
    pairs: tuple[float, float] = (1.0, 0.5)
    constant: tuple[float, float] = (0.5, 1.0)
    slots: float = 0.5
    own_constant: tuple[float, float] = (0.3, 1.0)
    own: tuple[float, float] = (0.5, 1.0)
    seeds: tuple[float, float] = (0.5, 1.0)
    noise: tuple[float, float] = (0.5, 0.7)
    number_odds: tuple[float, float] = (50.0, 1.0)
    odds: tuple[float, float] = (0.1, 1.2)
    lengths: tuple[float, float] = (0.4, 0.7)
    joint: tuple[float, float] = (0.5, 1.5)
    joint_lengths: tuple[float, float] = (0.16, 0.7)
    joint_noise: tuple[float, float] = (0.05, 1.5)


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of the vector log θ.

    v, b, c, w_1…w_S, odds of the slots with a likeness, lengths of the slots of numbers, lengths of the joint effect, then
    the hyper-parameters named in ``extra``.
    """

    slots: int
    extra: tuple[str, ...]
    similarities: Similarities = ()

    @property
    def alike(self) -> list[int]:
        """Slots with a likeness."""
        return [slot for slot, similarity in enumerate(self.similarities) if similarity is not None]

    @property
    def numbers(self) -> list[int]:
        """Slots of numbers."""
        return [slot for slot, similarity in enumerate(self.similarities) if isinstance(similarity, Numbers)]

    @property
    def joined(self) -> list[int]:
        """Slots with a joint effect."""
        return list(joint_numbers(self.similarities)) if "joint" in self.extra else []

    @classmethod
    def of(cls, rows: Rows, terms: Terms, raters: int, similarities: Similarities = ()) -> Layout:
        """The layout with the hyper-parameters that these data can determine."""
        extra: tuple[str, ...] = ("own_constant", "own") if raters > 1 else ()
        if joint_numbers(similarities):
            extra += ("joint",)
        pictures = rows.pictures[terms.cells()]
        known = pictures[pictures >= 0]
        if len(np.unique(known)) < len(known):
            extra += ("seeds",)
        if len(terms.rated):
            extra += ("noise",)
        return cls(rows.choices.shape[1], extra, similarities)

    def unpack(self, log_theta: np.ndarray) -> Hyperparameters:
        """Hyper-parameters of a vector."""
        values = np.exp(log_theta)
        amplitude, pairs, constant = (float(value) for value in values[:3])
        theta = Hyperparameters(amplitude, pairs, constant, values[3 : 3 + self.slots])
        rest = values[3 + self.slots :]
        if self.similarities:
            odds, lengths = np.zeros(self.slots), np.zeros(self.slots)
            odds[self.alike], rest = rest[: len(self.alike)], rest[len(self.alike) :]
            lengths[self.numbers], rest = rest[: len(self.numbers)], rest[len(self.numbers) :]
            joint_lengths = np.zeros(self.slots)
            joint_lengths[self.joined], rest = rest[: len(self.joined)], rest[len(self.joined) :]
            theta = replace(
                theta, odds=odds, lengths=lengths, joint_lengths=joint_lengths, similarities=self.similarities
            )
        return theta.replace(**{name: float(value) for name, value in zip(self.extra, rest, strict=True)})

    def pack(self, theta: Hyperparameters, missing: np.ndarray) -> np.ndarray:
        """The vector of hyper-parameters; those that are 0 in ``theta`` are taken from the vector ``missing``."""
        named = [getattr(theta, name) for name in self.extra]
        if self.similarities:
            known = theta.similarities == self.similarities
            named = [
                *(theta.odds[self.alike] if known else [0.0] * len(self.alike)),
                *(theta.lengths[self.numbers] if known else [0.0] * len(self.numbers)),
                *(theta.joint_lengths[self.joined] if known else [0.0] * len(self.joined)),
                *named,
            ]
        values = np.array([theta.amplitude, theta.pairs, theta.constant, *theta.slots, *named])
        return np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), missing)

    def tailed(self) -> np.ndarray:
        """(p,) bool: True for the amplitude and the noise, whose priors have heavy tails."""
        named = [name == "noise" for name in self.extra]
        rest = self.slots + len(self.alike) + len(self.numbers) + len(self.joined) + 2
        return np.array([True, *[False] * rest, *named])

    def prior(self, priors: HyperPriors) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of log θ."""
        pairs = [priors.amplitude, priors.pairs, priors.constant]
        pairs += [(1 / self.slots, priors.slots)] * self.slots
        pairs += [priors.number_odds if slot in self.numbers else priors.odds for slot in self.alike]
        pairs += [priors.lengths] * len(self.numbers)
        middle, deviation = priors.joint_lengths
        # Distances grow with the root of the number of numbers (Hvarfner, Hellsten & Nardi 2024).
        pairs += [(middle * len(self.joined) ** 0.5, deviation)] * len(self.joined)
        # What depends on numbers may be free of noise.
        noise = {"noise": priors.joint_noise} if self.joined else {}
        pairs += [noise.get(name, getattr(priors, name)) for name in self.extra]
        medians, deviations = np.array(pairs).T
        return np.log(medians), deviations


class Evidence:
    """Log Z + log prior of a data set as a function of log θ, with its gradient."""

    def __init__(
        self,
        rows: Rows,
        terms: Terms,
        levels: Sequence[int],
        layout: Layout,
        priors: HyperPriors,
    ) -> None:
        self.rows, self.terms, self.levels, self.layout = rows, terms, levels, layout
        self.mean, self.deviation = layout.prior(priors)
        self._usual_noise = float(np.log(priors.noise[0]))
        self._tailed = layout.tailed()
        self._ones = one_hot(rows.choices, levels)
        ends = np.cumsum(levels).tolist()
        self._slots = [slice(end - level, end) for end, level in zip(ends, levels, strict=True)]
        self._columns = [self._ones[:, part] for part in self._slots]
        same = same_rater(rows.raters, rows.raters)
        self._same = same.astype(np.float64) if "own" in layout.extra else np.zeros((1, 1))
        same_picture = (rows.pictures[:, None] == rows.pictures) & (rows.pictures >= 0)[:, None]
        self._same_picture = same_picture.astype(np.float64) if "seeds" in layout.extra else np.zeros((1, 1))
        self._start: np.ndarray | None = None

    def origin(self) -> np.ndarray:
        """The log θ that a search begins at: the prior's medians.

        Where pairs stand beside ratings, the noise is at least the usual one: if ratings without noise
        contradict them, the slopes are so steep that the search leaps to the end of its range, and stays there.
        """
        origin, extra = self.mean.copy(), self.layout.extra
        if "noise" in extra and not self.terms.gaussian:
            noise = extra.index("noise") - len(extra)
            origin[noise] = max(origin[noise], self._usual_noise)
        return origin

    def bounds(self) -> np.ndarray:
        """(p, 2) lowest and highest log θ that is considered."""
        width = np.where(self._tailed, _WIDEST, _WIDE) * self.deviation
        return np.column_stack([self.mean - width, self.mean + width])

    def mode(self, theta: Hyperparameters) -> Mode:
        """The posterior under these hyper-parameters."""
        return find_mode(self._parts(theta, slot_kernels(self.levels, theta))[0], self.terms, theta.noise, self._start)

    def __call__(self, log_theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus (log Z + log prior), and its gradient."""
        theta = self.layout.unpack(log_theta)
        kernels = slot_kernels(self.levels, theta)
        kernel, inside, main, both, taste, together = self._parts(theta, kernels)
        mode = find_mode(kernel, self.terms, theta.noise, self._start)
        # The last mode is a good start for the next one.
        self._start = mode.weights
        slope, by_noise = evidence_slope(kernel, self.terms, theta.noise, mode)
        outer = theta.amplitude * slope
        by_taste = outer * (1.0 + theta.own * self._same) if theta.own else outer
        gradient = [
            float(np.vdot(outer, inside)),
            float(np.vdot(by_taste, both)) * theta.pairs,
            float(outer.sum()) * theta.constant,
            *self._by_slot(by_taste, main, theta, kernels),
            *self._by_joint_length(by_taste * together, theta),
        ]
        own = outer * self._same
        extra = {
            "own_constant": theta.own_constant * float(own.sum()),
            "own": theta.own * float((own * taste).sum()),
            "seeds": theta.seeds * float((slope * self._same_picture).sum()),
            "noise": by_noise,
            "joint": float(np.vdot(by_taste, together)) if theta.joint else 0.0,
        }
        gradient += [extra[name] for name in self.layout.extra]
        standard = (log_theta - self.mean) / self.deviation
        far = self._tailed & (np.abs(standard) > _TAIL)
        size = np.where(far, np.abs(standard), _TAIL)
        penalty = np.where(far, _TAIL**2 * (0.5 + np.log(size / _TAIL)), standard**2 / 2)
        slopes = np.where(far, np.sign(standard) * _TAIL**2 / size, standard)
        return -(mode.evidence - float(penalty.sum())), -(np.array(gradient) - slopes / self.deviation)

    def _parts(self, theta: Hyperparameters, kernels: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        main, squares = main_and_squares(self.rows.choices, self._ones, kernels)
        both = (main**2 - squares) / 2
        taste = main + theta.pairs * both
        together = np.zeros((1, 1))
        if theta.joint:
            together = np.full_like(taste, theta.joint)
            for slot, correlation in joint_kernels(theta).items():
                together *= self._between(slot, correlation)
            taste += together
        inside = theta.constant + taste
        # Terms of variance 0 are skipped: with hundreds of cells every sweep over a matrix counts.
        if theta.own or theta.own_constant:
            inside += self._same * (theta.own_constant + theta.own * taste)
        kernel = theta.amplitude * inside
        if theta.seeds:
            kernel += theta.seeds * self._same_picture
        return kernel, inside, main, both, taste, together

    def _between(self, slot: int, matrix: np.ndarray) -> np.ndarray:
        """(n, n) entries of a (|s|, |s|) matrix for the options of the cells."""
        options = self.rows.choices[:, slot]
        entries: np.ndarray = matrix[options[:, None], options]
        return entries

    def _by_joint_length(self, slope: np.ndarray, theta: Hyperparameters) -> list[float]:
        """Σ slope ∘ ∂ log Π_s m_s/∂φ for the logarithms φ of the joint lengths."""
        total = []
        for slot in self.layout.joined:
            numbers = theta.similarities[slot]
            assert isinstance(numbers, Numbers)
            correlation, growth = matern(numbers.positions, float(theta.joint_lengths[slot]))
            relative = np.divide(growth, correlation, out=np.zeros_like(growth), where=correlation > 0)
            total.append(float(np.vdot(slope, self._between(slot, relative))))
        return total

    def _by_slot(
        self, slope: np.ndarray, main: np.ndarray, theta: Hyperparameters, kernels: Sequence[np.ndarray]
    ) -> list[float]:
        """Σ slope ∘ ∂P/∂φ for φ = log w_s, then the logarithms of odds and of lengths.

        ∂P/∂φ = D (1 + b (A − w_s k_s)) with D = ∂(w_s k_s)/∂φ, so sums over the pairs of options are enough.
        """
        tilted, plain = slope * (1 + theta.pairs * main), slope
        sums = [
            [of_slot.T @ product[:, part] for of_slot, part in zip(self._columns, self._slots, strict=True)]
            for product in (tilted @ self._ones, plain @ self._ones)
        ]

        def along(slot: int, direction: np.ndarray) -> float:
            first = float(np.vdot(direction, sums[0][slot]))
            return first - theta.pairs * float(np.vdot(direction * kernels[slot], sums[1][slot]))

        total = [along(slot, kernel) for slot, kernel in enumerate(kernels)]
        for slot in self.layout.alike:
            share = theta.odds[slot] / (1 + theta.odds[slot])
            change = likeness(slot, theta) - unlikeness(self.levels[slot], self.layout.similarities[slot])
            total.append(along(slot, theta.slots[slot] * share * (1 - share) * change))
        for slot in self.layout.numbers:
            share, numbers = theta.odds[slot] / (1 + theta.odds[slot]), self.layout.similarities[slot]
            assert isinstance(numbers, Numbers)
            total.append(along(slot, theta.slots[slot] * share * numbers.slope(float(theta.lengths[slot]))))
        return total


def maximise(evidence: Evidence, start: Hyperparameters | None, iterations: int) -> Hyperparameters:
    """The hyper-parameters of highest posterior, by L-BFGS from ``start`` or ``Evidence.origin``."""
    layout, bounds = evidence.layout, evidence.bounds()
    packed = None if start is None else np.clip(layout.pack(start, evidence.mean), *bounds.T)
    if iterations <= 0 or not len(evidence.terms):
        return layout.unpack(evidence.mean if packed is None else packed)
    origin = evidence.origin() if packed is None else packed
    from scipy.optimize import minimize

    options = {"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-2}
    result = minimize(evidence.__call__, origin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)  # type: ignore[call-overload]
    return layout.unpack(result.x)
