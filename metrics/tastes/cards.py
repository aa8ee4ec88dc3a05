"""Cards: a taste to share as a few numbers, without pictures and without their items.

A card is what Bayesian regression in the coordinates φ of ``card_space`` says of a taste:

    y = φ·w + c + noise,   w ~ N(0, s² I),   c ~ N(0, 1);   the card holds mean and covariance of w given the ratings

**Choices.** Of pictures that were only compared with each other, contrasts are observed: combinations of length 1 that sum
to 0, as in ``mixture``. A choice tells the sign of d = φ·w + noise alone. For d ~ N(0, τ²), τ√(π/2) sign(d) is d and a
residual of variance (π/2 − 1) τ² that is uncorrelated with d. So the contrasts of all choices are put on the scale
τ√(π/2), with τ² = s² ⟨φ²⟩ + the noise of a judgement, and have this residual as further noise.

**Noise.** A card with noise σ holds a noisy mean alone: the mean, cut to length r, plus r N(0, σ² I). Its covariance is
then a constant. Two cards differ by 2 r at most before the noise, so this is the Gaussian mechanism. Even somebody who knows all ratings of two people, and that the card is of one of them, tells of which with an AUC of at most
Φ(√2/σ); see ``largest_auc``.

Sources: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), section 2.1; Dong, Roth & Su, "Gaussian
differential privacy", *Journal of the Royal Statistical Society B* 84 (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from ...errors import TasteError
from .array_files import FileKind, read_arrays, write_arrays
from .blend import Taste
from .card_space import CardSpace, card_space, check_items_of
from .mixture import contrasts_of
from .taste import LearntTaste

FILE = FileKind("card", 1, "ask for a new card", "ask for a card (soart taste share)")
METHOD = "linear"
#: Prior variance s² of each weight, and variance of the noise of a single judgement.
PRIOR, JUDGEMENT = 1.0, 0.5
#: Longest mean r of a card with noise, and the share of a weight that the mean of a usual card shows.
LONGEST, SHOWN = 3.0, 0.4
#: Least and largest noise, besides none.
NOISES = (0.01, 100.0)
#: Largest length of a mean, share by which a covariance may leave its bounds, and least variance in any direction, less
#: than a million judgements leave, in a file that is taken.
_LENGTH, _ROUNDING, _LEAST = 1e3, 1e-6, 1e-9


@dataclass(frozen=True, eq=False)
class Card:
    """A taste to share.

    Attributes:
        space: version of the space of its coordinates.
        mean: (d,) weights of the coordinates.
        covariance: (d, d) of the weights.
        noise: standard deviation σ of the noise; 0 for none.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics.tastes.cards import Card, largest_auc
        >>> card = Card("cards-1 of items-1", np.array([0.4, -0.1]), 0.5 * np.eye(2), noise=2.0)
        >>> card.mean.shape, round(largest_auc(card.noise), 2)
        ((2,), 0.76)
    """

    space: str
    mean: np.ndarray
    covariance: np.ndarray
    noise: float = 0.0


def largest_auc(noise: float) -> float:
    """The largest AUC, 0.5…1, with which anybody tells by a card of this noise which of two people made it."""
    return float(ndtr(np.sqrt(2) / noise)) if noise > 0 else 1.0


def weights_of(
    coordinates: np.ndarray, liking: np.ndarray, judgements: np.ndarray, levels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d) of the weights.

    Args:
        coordinates: (n, d) of the judged pictures.
        liking: (n,) in −1…1.
        judgements: (n,) number of judgements behind each liking.
        levels: (n,) as in ``Examples``; by default each liking is known.
    """
    rated = np.ones(len(liking), dtype=bool) if levels is None else levels < 0
    confidence = judgements[rated] / JUDGEMENT
    # The offset c is integrated out.
    weighted = coordinates[rated].T * confidence
    weighted -= np.outer(weighted.sum(axis=1), confidence) / (1 + confidence.sum())
    precision = weighted @ coordinates[rated] + np.eye(coordinates.shape[1]) / PRIOR
    shift = weighted @ liking[rated]
    if levels is not None and not rated.all():
        apart, liked, noise = _choices_of(coordinates[~rated], liking[~rated], levels[~rated])
        precision += apart.T @ apart / noise
        shift += apart.T @ liked / noise
    covariance = np.linalg.inv(precision)
    return covariance @ shift, (covariance + covariance.T) / 2


def _choices_of(
    coordinates: np.ndarray, liking: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Contrasts (m, d) of coordinates and (m,) of likings, on the scale of the weights, and the variance of their noise.

    Args:
        coordinates: (n, d) of pictures that were only compared with each other.
        liking: (n,) in −1…1.
        levels: (n,) as in ``Examples``, from 0.
    """
    contrasts = contrasts_of(levels, len(liking))
    if contrasts is None:
        return np.zeros((0, coordinates.shape[1])), np.zeros(0), JUDGEMENT
    apart, liked = contrasts @ coordinates, contrasts @ liking
    # Ties, whose contrast is 0, say nothing about the scale.
    decided = np.abs(liked) > 1e-12
    variance = PRIOR * float(np.mean(np.sum(apart**2, axis=1))) + JUDGEMENT
    if decided.any():
        liked *= np.sqrt(np.pi / 2 * variance / np.mean(liked[decided] ** 2))
    return apart, liked, JUDGEMENT + (np.pi / 2 - 1) * variance


def noisy(mean: np.ndarray, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d) of the weights after noise σ on the ``mean`` (d,) of a card.

    The noisy mean is read as that of a usual card, N(a w, a (1 − a) s² + r² σ²) with the constant a = ``SHOWN``.
    """
    cut = mean * min(1.0, LONGEST / max(float(np.linalg.norm(mean)), 1e-12))
    shown = cut + LONGEST * noise * rng.standard_normal(len(mean))
    spread = SHOWN * (1 - SHOWN) * PRIOR + (LONGEST * noise) ** 2
    variance = 1 / (SHOWN**2 / spread + 1 / PRIOR)
    return variance * SHOWN / spread * shown, variance * np.eye(len(mean))


def make_card(
    taste: Taste, noise: float = 0.0, rng: np.random.Generator | None = None, space: CardSpace | None = None
) -> Card:
    """The card of a taste.

    Args:
        taste: a taste, not a blend.
        noise: standard deviation σ of the noise, see above; 0 for none.
        rng: source of the noise; by default of the operating system's, which nobody can guess.
        space: of the coordinates; by default that of this version of soart.

    Raises:
        TasteError: a blend, a taste on other items than the space needs, or a noise out of range.
    """
    if not isinstance(taste, LearntTaste):
        raise TasteError(f"The taste {taste.name!r} is a blend: share its parts, because a card is of one taste.")
    if noise != 0 and not NOISES[0] <= noise <= NOISES[1]:
        raise TasteError(f"Expected a noise of 0, or from {NOISES[0]:g} to {NOISES[1]:g}, got {noise:g}.")
    space = space or card_space()
    check_items_of(space, taste.version, taste.name)
    examples = taste.examples
    mean, covariance = weights_of(space.coordinates(examples.items), examples.liking, examples.weights, examples.levels)
    if noise:
        mean, covariance = noisy(mean, noise, rng if rng is not None else np.random.default_rng())
    return Card(space.version, mean, covariance, float(noise))


def save_card(card: Card, path: Path) -> Path:
    """Write a card, whole or not at all; returns its path.

    Raises:
        TasteError: the file cannot be written.
    """
    header = {"space": card.space, "method": METHOD, "noise": card.noise}
    return write_arrays(path, FILE, header, {"mean": card.mean, "covariance": card.covariance})


def load_card(path: Path, space: CardSpace | None = None) -> Card:
    """Read a card, which may come from anybody.

    Args:
        path: the file.
        space: that the card must fit; by default that of this version of soart.

    Raises:
        TasteError: the file is missing, is not a card, was changed or damaged, or is of another space.
    """
    space = space or card_space()
    header, arrays = read_arrays(path, FILE, ("mean", "covariance"))
    try:
        if header["method"] != METHOD:
            raise TasteError(
                f"The card {str(path)!r} has method {header['method']!r}, this version of soart reads method {METHOD!r}: "
                f"{FILE.remedy}."
            )
        if header["space"] != space.version:
            raise TasteError(
                f"The card {str(path)!r} is of {header['space']}, this version of soart has {space.version}: "
                f"{FILE.remedy}."
            )
        card = Card(str(header["space"]), arrays["mean"], arrays["covariance"], float(header["noise"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TasteError(f"The card {str(path)!r} is incomplete: {error}.") from error
    if not _plausible(card, space.width):
        raise TasteError(f"The card {str(path)!r} holds numbers that no taste has: get another copy.")
    return card


def _plausible(card: Card, width: int) -> bool:
    """True if the numbers can be those of a card: a hostile one must not outweigh all others."""
    if card.mean.shape != (width,) or card.covariance.shape != (width, width):
        return False
    if not (np.isfinite(card.mean).all() and np.isfinite(card.covariance).all() and np.isfinite(card.noise)):
        return False
    variances = np.linalg.eigvalsh((card.covariance + card.covariance.T) / 2)
    symmetric = np.allclose(card.covariance, card.covariance.T, atol=_ROUNDING)
    inside = variances[0] >= _LEAST and variances[-1] <= PRIOR * (1 + _ROUNDING)
    return bool(symmetric and inside and np.linalg.norm(card.mean) < _LENGTH and card.noise >= 0)


def likelihoods(cards: Sequence[Card]) -> tuple[np.ndarray, np.ndarray]:
    """Shifts (m, d) and precisions (m, d, d) that the ratings of each card add to any prior of its weights."""
    precisions = np.stack([np.linalg.inv(card.covariance) for card in cards])
    shifts = np.einsum("mij,mj->mi", precisions, np.stack([card.mean for card in cards]))
    return shifts, precisions - np.eye(precisions.shape[1]) / PRIOR
