"""A population: the kinds of taste in the cards of many people, as a prior for new tastes.

The weights of person i are of kind k with probability π_k, and their card tells them through its own uncertainty:

    w_i ~ N(μ_k, v_k I),   μ_k ~ N(0, m² I),   card i: shift η_i and precision Λ_i of w_i

Means, variances and shares are learnt by expectation maximisation, with the errors of the cards taken out ("extreme
deconvolution"). The number of kinds is the one of most evidence, by Laplace's approximation. Learning a taste then takes the liking of every
kind, μ_k·φ, as a prior score of which at most one is trusted (see ``mixture``): a person of no kind trusts none.

Sources: Bovy, Hogg & Roweis, "Extreme deconvolution", *Annals of Applied Statistics* 5 (2011); MacKay, *Information Theory,
Inference, and Learning Algorithms* (2003), chapters 27 and 28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import gammaln, logsumexp

from ...errors import TasteError
from .array_files import FileKind, read_arrays, write_arrays
from .card_space import CardSpace, card_space
from .cards import Card, likelihoods
from .mixture import KIND

FILE = FileKind("population", 1, "join new cards", "join cards (soart taste join)")
#: Fewest cards of a population, and most kinds.
FEWEST, MOST_KINDS = 3, 8
STARTS, ROUNDS = 4, 60
#: Prior of the variance v_k, as that many cards of that variance.
PRIOR_CARDS, PRIOR_VARIANCE = 4.0, 0.05
#: Variance of the means of kinds.
SPREAD = 0.25


@dataclass(frozen=True, eq=False)
class Population:
    """Kinds of taste.

    Attributes:
        name: the user's name for it.
        space: version of the space of the weights.
        shares: (k,) of the kinds, largest first; they sum to 1.
        means: (k, d) weights of each kind.
        variances: (k,) variances of people's weights within each kind.
        cards: number of cards that it was learnt from.
    """

    name: str
    space: str
    shares: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    cards: int

    @property
    def prior_names(self) -> tuple[str, ...]:
        """(k,) names of the kinds as prior scores."""
        return tuple(f"{KIND}{number + 1}" for number in range(len(self.shares)))


def join_cards(name: str, cards: Sequence[Card], rng: np.random.Generator | None = None) -> Population:
    """Learn the kinds of taste in cards.

    Args:
        name: of the population.
        cards: at least ``FEWEST``, of one space.
        rng: draws the starts; by default seeded with 0.

    Raises:
        TasteError: too few cards, or cards of different spaces.
    """
    if len(cards) < FEWEST:
        raise TasteError(f"Expected at least {FEWEST} cards to join, got {len(cards)}: ask more people for theirs.")
    if len({card.space for card in cards}) > 1:
        raise TasteError(f"The cards are of different spaces ({', '.join(sorted({c.space for c in cards}))}).")
    rng = rng if rng is not None else np.random.default_rng(0)
    shifts, precisions = likelihoods(cards)
    evidence = CardEvidence.of(shifts, precisions)
    guesses = np.stack([card.mean for card in cards])
    fits = [
        evidence.fit(kinds, guesses, rng)
        for kinds in range(1, min(MOST_KINDS, len(cards) // FEWEST) + 1)
        for _ in range(STARTS if kinds > 1 else 1)
    ]
    best = max(fits, key=lambda fit: fit.evidence)
    order = np.argsort(-best.shares, kind="stable")
    return Population(name, cards[0].space, best.shares[order], best.means[order], best.variances[order], len(cards))


@dataclass(frozen=True)
class Fit:
    """Kinds, with their log evidence up to a constant."""

    evidence: float
    shares: np.ndarray
    means: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True)
class CardEvidence:
    """The likelihoods of n cards in the axes of their own precisions, where all products are of single numbers.

    Attributes:
        axes: (d, n d) eigenvectors of the precisions, in columns, those of one card after the other.
        precisions: (n, d) eigenvalues.
        shifts: (n, d) shifts along them.
    """

    axes: np.ndarray
    precisions: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, shifts: np.ndarray, precisions: np.ndarray) -> CardEvidence:
        """Decompose (n, d) shifts and (n, d, d) precisions."""
        values, axes = np.linalg.eigh((precisions + precisions.transpose(0, 2, 1)) / 2)
        beside = axes.transpose(1, 0, 2).reshape(shifts.shape[1], -1)
        return cls(beside, np.maximum(values, 0), np.einsum("nij,ni->nj", axes, shifts))

    def _along(self, mean: np.ndarray) -> np.ndarray:
        """(n, d) a mean (d,) along the axes of each card."""
        along: np.ndarray = (mean @ self.axes).reshape(self.precisions.shape)
        return along

    def log_likelihood(self, mean: np.ndarray, variance: float) -> np.ndarray:
        """(n,) log likelihood of each card if its weights are N(mean, variance I), up to a constant of the card."""
        m, spread = self._along(mean), 1 + variance * self.precisions
        exponent = (self.shifts * m + variance * self.shifts**2 / 2 - self.precisions * m**2 / 2) / spread
        likelihood: np.ndarray = np.sum(exponent - np.log(spread) / 2, axis=1)
        return likelihood

    def fit(self, kinds: int, guesses: np.ndarray, rng: np.random.Generator) -> Fit:
        """Maximise the posterior of ``kinds`` kinds, from means that are some of the (n, d) ``guesses``."""
        count, width = guesses.shape
        shares, variances = np.full(kinds, 1 / kinds), np.full(kinds, PRIOR_VARIANCE)
        means = _starts(guesses, kinds, rng)
        for _ in range(ROUNDS):
            members = self._members(shares, means, variances)[0]
            for k in range(kinds):
                member = members[:, k]
                precision, shift = self._of_mean(member, float(variances[k]))
                means[k] = np.linalg.solve(precision, shift)
                m, spread = self._along(means[k]), 1 + variances[k] * self.precisions
                away = (variances[k] * self.shifts + m) / spread - m
                squares = member @ np.sum(away**2 + variances[k] / spread, axis=1)
                variances[k] = (squares + PRIOR_CARDS * width * PRIOR_VARIANCE) / (width * (member.sum() + PRIOR_CARDS))
            shares = (members.sum(axis=0) + 1) / (count + kinds)
        members, total = self._members(shares, means, variances)
        evidence = total - 0.5 * (kinds - 1) * np.log(count) + float(gammaln(kinds + 1))
        for k in range(kinds):
            precision, _ = self._of_mean(members[:, k], float(variances[k]))
            determinant = np.linalg.slogdet(precision * SPREAD)[1]
            evidence -= 0.5 * (means[k] @ means[k] / SPREAD + determinant)
        return Fit(float(evidence), shares, means, variances)

    def _of_mean(self, member: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
        """Posterior precision (d, d) and shift (d,) of the mean of a kind of which the cards are (n,) members."""
        spread = 1 + variance * self.precisions
        precision = (self.axes * (member[:, None] * self.precisions / spread).ravel()) @ self.axes.T
        shift = self.axes @ (member[:, None] * self.shifts / spread).ravel()
        return precision + np.eye(len(shift)) / SPREAD, shift

    def _members(self, shares: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, float]:
        """(n, k) probability of each card's kind, and the log likelihood of all cards."""
        logs = [np.log(s) + self.log_likelihood(m, float(v)) for s, m, v in zip(shares, means, variances, strict=True)]
        joint = np.stack(logs, axis=1)
        total = logsumexp(joint, axis=1)
        return np.exp(joint - total[:, None]), float(total.sum())


def _starts(guesses: np.ndarray, kinds: int, rng: np.random.Generator) -> np.ndarray:
    """(k, d) guesses far from each other, as k-means++ chooses them."""
    chosen = [int(rng.integers(len(guesses)))]
    for _ in range(kinds - 1):
        apart = np.min([np.sum((guesses - guesses[i]) ** 2, axis=1) for i in chosen], axis=0)
        chance = apart / apart.sum() if apart.sum() > 0 else np.full(len(guesses), 1 / len(guesses))
        chosen.append(int(rng.choice(len(guesses), p=chance)))
    return guesses[chosen].copy()


def save_population(population: Population, path: Path) -> Path:
    """Write a population, whole or not at all; returns its path.

    Raises:
        TasteError: the file cannot be written.
    """
    arrays = {name: getattr(population, name) for name in ("shares", "means", "variances")}
    header = {"name": population.name, "space": population.space, "cards": population.cards}
    return write_arrays(path, FILE, header, arrays)


def load_population(path: Path, space: CardSpace | None = None) -> Population:
    """Read a population.

    Args:
        path: the file.
        space: that it must fit; by default that of this version of soart.

    Raises:
        TasteError: the file is missing, is not a population, is damaged, or is of another space.
    """
    space = space or card_space()
    header, arrays = read_arrays(path, FILE)
    try:
        found = Population(
            str(header["name"]), str(header["space"]), arrays["shares"], arrays["means"], arrays["variances"],
            int(header["cards"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TasteError(f"The population {str(path)!r} is incomplete: {error}.") from error
    if found.space != space.version:
        raise TasteError(
            f"The population {found.name!r} is of {found.space}, this version of soart has {space.version}: "
            f"{FILE.remedy}."
        )
    kinds = found.shares.size
    fits = found.means.shape == (kinds, space.width) and found.shares.shape == found.variances.shape == (kinds,)
    if not (fits and kinds and all(np.isfinite(values).all() for values in arrays.values())):
        raise TasteError(f"The population {str(path)!r} is damaged: join the cards again.")
    return found
