"""Effects that a taste has learnt of models, LoRAs, samplers and words: by how much more pictures with one are liked.

In a hypothesis with a kernel over how pictures were made, liking holds a sum of independent parts, one for each fact that
differs (``making_kernels``). The effect of a value is the difference between the means of its fact's part over the learning
pictures that have the value and over those that are known not to. Its posterior is averaged over the hypotheses; those without
such a kernel say 0. So with little evidence effects are small, and their intervals hold 0.

Of pictures that are not drawn yet only the making is known. Their liking is that of a Gaussian process over makings alone,
so that it also holds what a word does by what the picture then shows (``liking_of_makings``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.linalg import solve_triangular

from ..protocols import Making
from .beliefs import AMPLITUDES, NOISES
from .examples import Examples
from .making_kernels import Made, MakingKernels
from .mixture import BEST_HYPOTHESES, COMPARED_PICTURES, CONSTANT, Hypothesis, fit_all, log_weights, observations
from .taste import LearntTaste

#: Most effects that are told, and half of a 95 % interval in deviations.
MOST = 8
Z95 = 1.959964
#: For each fact its name for people, and the values that a picture has; None if unknown.
_VALUES: dict[str, tuple[str, Callable[[Making], Iterable[str] | None]]] = {
    "model": ("model", lambda making: [making.model] if making.model else None),
    "LoRAs": ("LoRA", lambda making: None if making.loras is None else [name for name, _ in making.loras]),
    "sampler": ("sampler", lambda making: [making.sampler] if making.sampler else None),
    "words": ("word", lambda making: None if making.words is None else {*making.words}),
    "negative words": (
        "negative word",
        lambda making: None if making.negative is None else {*making.negative},
    ),
}


@dataclass(frozen=True, slots=True)
class MakingEffect:
    """The difference by which pictures of a value are liked more than others, and its 95 % interval."""

    fact: str  # ``model``, ``LoRA``, ``sampler``, ``word`` or ``negative word``
    value: str  # such as the name of the model
    liking: float  # difference of liking; 1 is that of two stars
    #: its 95 % interval
    low: float
    high: float
    pictures: int  # number of learning pictures that have it

    @property
    def text(self) -> str:
        """The effect in words, such as ``model flux +0.8 (+0.1 … +1.5)``."""
        return f"{self.fact} {self.value} {self.figures}"

    @property
    def figures(self) -> str:
        """The effect and its interval, such as ``+0.8 (+0.1 … +1.5)``."""
        return figures_of(self.liking, self.low, self.high)


def figures_of(liking: float, low: float, high: float) -> str:
    """An effect and its interval.

    >>> from soart.metrics.tastes.liked_makings import figures_of
    >>> figures_of(0.8, -0.1, 1.5)
    '+0.8 (−0.1 … +1.5)'
    """
    middle, first, last = (f"{value:+.1f}".replace("-", "−") for value in (liking, low, high))
    return f"{middle} ({first} … {last})"


def effects_of(taste: LearntTaste, most: int = MOST) -> list[MakingEffect]:
    """The largest effects, ``most`` at most; none where all learning pictures are made alike.

    Values of one learning picture alone, and those of all but one, tell nothing.
    """
    model, found = taste.fitted.model, []
    for number, facet in enumerate(model.makings.facets):
        if facet.name not in _VALUES:
            continue
        fact, values_of = _VALUES[facet.name]
        known = [None if making is None else values_of(making) for making in taste.examples.makings]
        told = np.array([values is not None for values in known])
        contrasts, names, counts = [], [], []
        for value in sorted({*chain.from_iterable(values for values in known if values is not None)}):
            has = np.array([values is not None and value in values for values in known])
            if min(has.sum(), (told & ~has).sum()) > 1 and (
                " " not in value or facet.name not in ("words", "negative words")
            ):
                contrasts.append(has / has.sum() - (told & ~has) / (told & ~has).sum())
                names.append(value)
                counts.append(int(has.sum()))
        if names:
            likings, deviations = model.effects(number, np.array(contrasts))
            ends = likings + Z95 * np.array([[-1], [1]]) * deviations
            found += [
                MakingEffect(fact, *values)
                for values in zip(names, likings.tolist(), *ends.tolist(), counts, strict=True)
            ]
    return sorted(found, key=lambda effect: -abs(effect.liking))[:most]


def liking_of_makings(examples: Examples, makings: Made) -> tuple[np.ndarray, np.ndarray]:
    """(m,) means and (m, m) covariance of liking, 1 is two stars, of pictures not drawn yet, by their makings.

    It leaves out what all pictures have in common; what is unknown of a making is integrated out. Both are 0 where all
    judged pictures are made alike.
    """
    kernels = MakingKernels.of(examples.makings)
    if not kernels.facets:
        return np.zeros(len(makings)), np.zeros((len(makings), len(makings)))
    gram, against, among = kernels.gram(), kernels.against(makings), kernels.among(makings)
    candidates = [
        Hypothesis(-1, amplitude, noise, (), (), size + belief, making=number)
        for number in range(len(gram))
        for amplitude, size in AMPLITUDES.items()
        for noise, belief in NOISES.items()
    ] + [*CONSTANT]
    nothing = np.zeros((len(examples), 0))
    contrasts, seen, weights, given, constant = observations(
        examples.liking, examples.weights, nothing, examples.levels
    )
    if contrasts is not None:
        gram, against = [contrasts @ k @ contrasts.T for k in gram], [k @ contrasts.T for k in against]

    def fitted(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        some = [kernel[np.ix_(of, of)] for kernel in gram]
        return fit_all(candidates, [], seen[of], weights[of], given[of], constant[of], some)

    every = np.arange(len(seen))
    few = np.linspace(0, len(seen) - 1, min(len(seen), COMPARED_PICTURES)).astype(int)
    shown = log_weights(candidates, fitted(few)[0])
    candidates = [candidates[i] for i in np.argsort(-shown, kind="stable")[:BEST_HYPOTHESES]]
    evidence, alphas = fitted(every)
    share = np.exp(log_weights(candidates, evidence))
    share /= share.sum()
    means = np.zeros((len(candidates), len(makings)))
    covariance = np.zeros((len(makings), len(makings)))
    for number, (h, alpha) in enumerate(zip(candidates, alphas, strict=True)):
        if h.making >= 0:
            cross = h.amplitude * against[h.making]
            observed = h.amplitude * gram[h.making] + np.outer(constant, constant) + np.diag(h.noise / weights)
            explained = solve_triangular(np.linalg.cholesky(observed), cross.T, lower=True)
            means[number] = cross @ alpha
            covariance += share[number] * (h.amplitude * among[h.making] - explained.T @ explained)
    mean = share @ means
    return mean, covariance + (share[:, None] * (means - mean)).T @ (means - mean)


def contrasts_of_options(choices: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """(Σ|s|, n) linear map from values of (n, S) choices to effects of options of (S,) slots, by least squares.

    Effects of a slot have mean 0 over the options that occur; those of others are 0.
    """
    starts = np.concatenate([[0], np.cumsum(levels)[:-1]])
    ones = np.zeros((len(choices), int(np.sum(levels))))
    np.put_along_axis(ones, choices + starts, 1.0, axis=1)
    found, seen = np.linalg.pinv(ones), ones.sum(axis=0) > 0
    for start, level in zip(starts, levels, strict=True):
        of = start + np.flatnonzero(seen[start : start + level])
        found[of] -= found[of].mean(axis=0)
    return found
