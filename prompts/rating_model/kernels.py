"""The covariance of the rating model over raters × choices.

Symbols: x_s the option of slot s, |s| its number of options, w_s the slot's weight, n_s = |s|/(|s| − 1) so that an
option's own main effect has variance w_s whatever the slot's size, G_s the likeness of its options (see ``similarity``)
and ρ_s its share, 0 without a likeness. A slot that is not in use has no effect: k_s = 0 there. All variances are in units of the rating noise σ².

    k_s  = (1 − ρ_s) n_s (1[x_s = x'_s] − 1/|s|) + ρ_s G_s
    P    = A + b (A² − A₂)/2 + e Π_s m_s,     A = Σ_s w_s k_s,  A₂ = Σ_s w_s² k_s²
    K    = v { (c + P) + 1[r = r'] (d + o P) } + t·1[same picture]

P holds main effects and pair interactions of the options: the kernel of a second-order factorisation machine with all
ranks (Rendle 2010; functional ANOVA, Durrande et al. 2013). Its last term is what all numbers do together: e is its
variance, and m_s the Matérn covariance of slot s, over the slots of numbers that are always in use. c and d are the variances of the common mean and of a
rater's own mean. o is the share of taste that is a rater's own (intrinsic coregionalisation, Bonilla, Chai & Williams
2008), t the variance between seeds of one choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from ...errors import PromptError
from .similarity import Numbers, Similarities, Similarity, identity, joint_numbers, matern


@dataclass(frozen=True, slots=True, eq=False)
class Hyperparameters:
    """θ of the covariance: no value below 0, variances in units of σ²."""

    amplitude: float  # v
    pairs: float  # b
    constant: float  # c
    slots: np.ndarray  # (S,) w_s
    own_constant: float = 0.0  # d, 0 for a single rater
    own: float = 0.0  # o, 0 for a single rater
    seeds: float = 0.0  # t, 0 if no picture was judged twice
    noise: float = 1.0  # σ, in units of the mapped ratings
    #: (S,) ρ_s/(1 − ρ_s), 0 for slots without a likeness; empty if there is none at all
    odds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    #: (S,) lengths of the curves of numbers, 0 for other slots; empty likewise
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(0))
    #: likenesses of the options of each slot, which are given, not learnt; empty likewise
    similarities: Similarities = ()
    joint: float = 0.0  # e, 0 without a joint effect
    #: (S,) lengths of m_s, 0 for slots without a joint effect; empty likewise
    joint_lengths: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def replace(self, **changes: float) -> Hyperparameters:
        """A copy with some values changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Rows:
    """The n latent cells that feedback refers to."""

    choices: np.ndarray  # (n, S) option of every slot
    raters: np.ndarray  # (n,) index of the rater; −1 for an unknown rater
    pictures: np.ndarray  # (n,) identity of the picture; −1 for an unknown one

    def __len__(self) -> int:
        return len(self.choices)

    def take(self, rows: np.ndarray) -> Rows:
        """The cells at ``rows``."""
        return Rows(self.choices[rows], self.raters[rows], self.pictures[rows])


def check_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """``levels`` as a tuple of ints, at least one slot with at least one option each."""
    counts = tuple(int(level) for level in levels)
    if not counts or min(counts) < 1:
        raise PromptError(f"Expected at least one slot with at least one option each, got levels {list(levels)}.")
    return counts


def check_choices(choices: object, levels: Sequence[int]) -> np.ndarray:
    """``choices`` as (n, S) int64, options in 0…|s| − 1."""
    try:
        array = np.asarray(choices)
    except ValueError as error:
        raise PromptError(
            f"Expected {len(levels)} integers for each choice, got lists of different lengths."
        ) from error
    if array.size == 0:
        return np.zeros((0, len(levels)), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != len(levels) or not np.issubdtype(array.dtype, np.integer):
        raise PromptError(
            f"Expected integer choices of shape (n, {len(levels)}), got {array.dtype} of shape {array.shape}."
        )
    outside = (array < 0) | (array >= np.asarray(levels))
    if outside.any():
        row, slot = np.argwhere(outside)[0]
        raise PromptError(
            f"Expected options 0…{levels[slot] - 1} in slot {slot}, got {array[row, slot]} in choice {row}."
        )
    return array.astype(np.int64)


def offsets(levels: Sequence[int]) -> np.ndarray:
    """(S,) first column of each slot among the Σ|s| one-hot columns; read-only."""
    return _offsets(tuple(levels))


@lru_cache(maxsize=64)
def _offsets(levels: tuple[int, ...]) -> np.ndarray:
    columns = np.concatenate([[0], np.cumsum(levels)[:-1]]).astype(np.int64)
    columns.flags.writeable = False
    return columns


def slot_of_column(levels: Sequence[int]) -> np.ndarray:
    """(Σ|s|,) slot of each one-hot column."""
    return np.repeat(np.arange(len(levels)), levels)


def one_hot(choices: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """(n, Σ|s|) 1 for the options of each choice, else 0."""
    indicator = np.zeros((len(choices), int(np.sum(levels))))
    np.put_along_axis(indicator, choices + offsets(levels), 1.0, axis=1)
    return indicator


def sizes(levels: Sequence[int]) -> np.ndarray:
    """(S,) n_s = |s|/(|s| − 1); 1 for a slot of one option, whose effect is 0 anyway."""
    counts = np.asarray(levels, dtype=np.float64)
    return counts / np.maximum(counts - 1, 1)


def unlikeness(level: int, similarity: Similarity) -> np.ndarray:
    """(|s|, |s|) covariance of a slot whose options are equally unlike each other."""
    return similarity.identity() if isinstance(similarity, Numbers) else identity(level)


def likeness(slot: int, theta: Hyperparameters) -> np.ndarray:
    """(|s|, |s|) G_s of a slot that has a likeness."""
    similarity = theta.similarities[slot]
    assert similarity is not None
    return similarity.gram(float(theta.lengths[slot])) if isinstance(similarity, Numbers) else similarity.matrix


@lru_cache(maxsize=32)
def slot_kernels(levels: tuple[int, ...], theta: Hyperparameters) -> tuple[np.ndarray, ...]:
    """(|s|, |s|) w_s k_s of each slot."""
    kernels = []
    for slot, (level, weight) in enumerate(zip(levels, theta.slots, strict=True)):
        kernel = unlikeness(level, theta.similarities[slot] if theta.similarities else None)
        if theta.similarities and theta.similarities[slot] is not None:
            share = theta.odds[slot] / (1 + theta.odds[slot])
            kernel = (1 - share) * kernel + share * likeness(slot, theta)
        kernels.append(weight * kernel)
    return tuple(kernels)


def joint_kernels(theta: Hyperparameters) -> dict[int, np.ndarray]:
    """(|s|, |s|) m_s of the slots with a joint effect; empty without one."""
    if not theta.joint:
        return {}
    return {
        slot: matern(numbers.positions, float(theta.joint_lengths[slot]))[0]
        for slot, numbers in joint_numbers(theta.similarities).items()
    }


def gather(choices: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """(n, Σ|s|) the row of each slot's matrix that belongs to the option taken, side by side."""
    return np.concatenate([matrix[choices[:, s]] for s, matrix in enumerate(matrices)], axis=1)


def main_and_squares(
    first: np.ndarray, second: np.ndarray, kernels: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(n, m) A and A₂ of (n, S) choices and the ``one_hot`` of m others, for w_s k_s of each slot."""
    rows = gather(first, kernels)
    return rows @ second.T, rows**2 @ second.T


def taste_kernel(first: np.ndarray, second: np.ndarray, levels: Sequence[int], theta: Hyperparameters) -> np.ndarray:
    """(n, m) P."""
    main, squares = main_and_squares(first, one_hot(second, levels), slot_kernels(tuple(levels), theta))
    taste: np.ndarray = main + theta.pairs * (main**2 - squares) / 2
    if theta.joint:
        together = np.full_like(taste, theta.joint)
        for slot, kernel in joint_kernels(theta).items():
            together *= kernel[first[:, slot, None], second[:, slot]]
        taste += together
    return taste


def taste_variance(choices: np.ndarray, levels: Sequence[int], theta: Hyperparameters) -> np.ndarray:
    """(n,) P(x, x)."""
    single = np.stack(
        [np.diag(kernel)[choices[:, s]] for s, kernel in enumerate(slot_kernels(tuple(levels), theta))], axis=1
    )
    main, squares = single.sum(axis=1), (single**2).sum(axis=1)
    taste: np.ndarray = main + theta.pairs * (main**2 - squares) / 2 + theta.joint
    return taste


def same_rater(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) bool: True for two cells of one known rater."""
    same: np.ndarray = (first[:, None] == second[None, :]) & (first >= 0)[:, None]
    return same


def covariance(first: Rows, second: Rows, levels: Sequence[int], theta: Hyperparameters) -> np.ndarray:
    """(n, m) K between cells, in units of σ². Unknown raters and pictures all count as different."""
    taste = taste_kernel(first.choices, second.choices, levels, theta)
    kernel = theta.constant + taste
    if theta.own or theta.own_constant:
        kernel += same_rater(first.raters, second.raters) * (theta.own_constant + theta.own * taste)
    kernel *= theta.amplitude
    if theta.seeds:
        kernel += theta.seeds * ((first.pictures[:, None] == second.pictures) & (first.pictures >= 0)[:, None])
    return kernel


def variance(rows: Rows, levels: Sequence[int], theta: Hyperparameters) -> np.ndarray:
    """(n,) prior variance of each cell without its seed effect, in units of σ²; unknown raters have an own part too."""
    taste = taste_variance(rows.choices, levels, theta)
    return theta.amplitude * (theta.constant + taste + theta.own_constant + theta.own * taste)
