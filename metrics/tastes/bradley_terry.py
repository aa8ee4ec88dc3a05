"""Bradley–Terry strengths of compared pictures, with their uncertainty.

    P(i beats j) = 1 / (1 + exp(θ_j − θ_i)),   θ ~ N(0, SPREAD² I)

The strengths are the posterior mode, their covariance that of the Laplace approximation there. The next pair to compare is the one whose
result carries most information about its difference; comparing ends when every neighbour in the order is surely above the next one, or was
often compared with it and stayed level.

Source: Bradley & Terry, *Biometrika* 39 (1952); MacKay, "Information-based objective functions for active data selection", *Neural
Computation* 4 (1992). The mode is computed by choix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, ndtr

from ...errors import CollectionError

#: Deviation of strengths before any choice, in units of a choice's own noise: people seldom contradict themselves.
SPREAD = 4.0
#: A neighbour is surely better from this probability on, and level after so many direct comparisons.
SURE, LEVEL = 0.85, 2
#: Pictures that can be put in order at once; a choice shows at most ``TOGETHER``.
FEWEST, MOST, TOGETHER = 3, 48, 4


@dataclass(frozen=True)
class Standing:
    """The order so far.

    Attributes:
        ids: (n,) pictures.
        strengths: (n,) mean strengths in logits, their mean 0 up to the prior.
        covariance: (n, n).
        met: number of direct comparisons by pair (smaller id first).
    """

    ids: tuple[int, ...]
    strengths: np.ndarray
    covariance: np.ndarray
    met: Mapping[tuple[int, int], int]

    @property
    def order(self) -> list[int]:
        """Row numbers, best first; ties keep the order given."""
        return [int(i) for i in np.argsort(-self.strengths, kind="stable")]

    @property
    def deviations(self) -> np.ndarray:
        """(n,) standard deviations of the strengths."""
        deviations: np.ndarray = np.sqrt(np.diag(self.covariance))
        return deviations

    @property
    def variances(self) -> np.ndarray:
        """(n, n) variances of the differences between strengths."""
        own = np.diag(self.covariance)
        variances: np.ndarray = np.maximum(own[:, None] + own[None, :] - 2 * self.covariance, 0)
        return variances

    def sure(self, better: int, worse: int) -> float:
        """Probability that row ``better`` is really the stronger one."""
        variance = float(self.variances[better, worse])
        gap = float(self.strengths[better] - self.strengths[worse])
        return float(ndtr(gap / np.sqrt(variance))) if variance > 0 else 0.5

    def meetings(self, a: int, b: int) -> int:
        """How often rows ``a`` and ``b`` were compared directly."""
        first, second = sorted((self.ids[a], self.ids[b]))
        return self.met.get((first, second), 0)

    @property
    def open(self) -> list[tuple[int, int]]:
        """Neighbours in the order, as row numbers, that are neither surely apart nor found level."""
        return [(a, b) for a, b in pairwise(self.order) if self.sure(a, b) < SURE and self.meetings(a, b) < LEVEL]

    @property
    def clear(self) -> bool:
        """Whether nothing more needs to be asked."""
        return not self.open

    @property
    def settled(self) -> float:
        """Share of the neighbours in the order that need no more asking, 0…1."""
        return 1 - len(self.open) / (len(self.ids) - 1)

    def ask(self, count: int, rng: np.random.Generator, passed: Iterable[frozenset[int]] = ()) -> list[int]:
        """Ids to show next: the open pair that tells most; with a larger ``count`` also the pictures that follow it in the order.

        Only weaker ones are added, for a stronger one would win and leave the pair undecided; so there are fewer near the end. ``passed``
        holds pairs of ids that the rater could not decide: they come again only when nothing else is open.
        """
        chance = expit(self.strengths[:, None] - self.strengths[None, :])
        information = chance * (1 - chance) * self.variances
        order = self.order
        undecided = set(passed)
        fresh = [(a, b) for a, b in self.open if frozenset((self.ids[a], self.ids[b])) not in undecided]
        pairs = fresh or self.open or list(pairwise(order))
        chosen = [*max(rng.permutation(pairs).tolist(), key=lambda pair: information[pair[0], pair[1]])]
        after = order[order.index(chosen[1]) + 1 :]
        chosen += after[: max(0, count - 2)]
        return [self.ids[i] for i in rng.permutation(chosen)]


def standing(ids: Sequence[int], choices: Sequence[tuple[int, int]]) -> Standing:
    """The order of pictures by choices (chosen, other); those about other pictures are passed over.

    Raises:
        CollectionError: too few pictures to be put in order, too many, or the same one twice.
    """
    if not FEWEST <= len(set(ids)) == len(ids) <= MOST:
        raise CollectionError(f"Expected {FEWEST} to {MOST} different pictures to put in order, got {len(set(ids))}.")
    place = {image: row for row, image in enumerate(ids)}
    pairs = [(place[a], place[b]) for a, b in choices if a in place and b in place]
    strengths = np.zeros(len(ids))
    if pairs:
        import choix

        # The penalty is alpha Σ θ², so that the prior's variance is 1 / (2 alpha).
        strengths = choix.opt_pairwise(len(ids), pairs, alpha=0.5 / SPREAD**2, method="Newton-CG", tol=1e-8)
    precision = np.eye(len(ids)) / SPREAD**2
    for a, b in pairs:
        chance = expit(strengths[a] - strengths[b])
        weight = chance * (1 - chance)
        precision[[a, b], [a, b]] += weight
        precision[[a, b], [b, a]] -= weight
    met = Counter((min(a, b), max(a, b)) for a, b in choices)
    return Standing(tuple(ids), strengths, np.linalg.inv(precision), met)
