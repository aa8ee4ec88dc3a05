"""Bradley–Terry strengths of compared pictures, with their uncertainty.

    P(i beats j) = 1 / (1 + exp(θ_j − θ_i)),   θ ~ N(0, SPREAD² I)

The strengths are the posterior mode, their covariance that of the Laplace approximation there. The next pair to compare
is the one whose result carries most information about its difference. Comparing ends when each pair of neighbours in
the order is decided: one picture is very probably the better one, or the two were compared often enough to count as
equal.

A tie is half a win for each: the statistic that decides the strengths in Davidson's model of ties, too, is the wins plus
half the ties of each picture.

Sources: Bradley & Terry, *Biometrika* 39 (1952); MacKay, "Information-based objective functions for active data
selection", *Neural Computation* 4 (1992); Davidson, "On extending the Bradley–Terry model to accommodate ties in paired
comparison experiments", *JASA* 65 (1970). The mode is that of a logistic regression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...errors import CollectionError

#: Standard deviation of strengths before any choice, in logits; large, because people seldom contradict themselves.
SPREAD = 4.0
#: A pair is decided from this probability on that one picture is better, or after so many direct comparisons.
DECIDED_PROBABILITY, DECIDED_COMPARISONS = 0.85, 2
#: Fewest and most pictures that can be put in order.
FEWEST_TO_ORDER, MOST_TO_ORDER = 2, 48
#: Most pictures shown for one choice.
MOST_SHOWN = 4


@dataclass(frozen=True)
class Standing:
    """Order of compared pictures so far. A row is the number of a picture in ``ids``."""

    ids: tuple[int, ...]  # (n,) ids of the pictures
    strengths: np.ndarray  # (n,) in logits, about 0 in the mean
    covariance: np.ndarray  # (n, n) of the strengths
    direct_comparisons: Mapping[tuple[int, int], int]  # number of them by pair of ids, the smaller id first

    @property
    def order(self) -> list[int]:
        """Rows, the best first; ties keep the order of ``ids``."""
        return [int(i) for i in np.argsort(-self.strengths, kind="stable")]

    @property
    def deviations(self) -> np.ndarray:
        """(n,) standard deviations of the strengths."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def variances(self) -> np.ndarray:
        """(n, n) variances of the differences between strengths."""
        diagonal = np.diag(self.covariance)
        variances: np.ndarray = np.maximum(diagonal[:, None] + diagonal[None, :] - 2 * self.covariance, 0)
        return variances

    def probability(self, better: int, worse: int) -> float:
        """Probability that row ``better`` is stronger than row ``worse``."""
        from scipy.special import ndtr

        variance = float(self.variances[better, worse])
        gap = float(self.strengths[better] - self.strengths[worse])
        return float(ndtr(gap / np.sqrt(variance))) if variance > 0 else 0.5

    def comparisons(self, a: int, b: int) -> int:
        """Number of direct comparisons of rows ``a`` and ``b``."""
        first, second = sorted((self.ids[a], self.ids[b]))
        return self.direct_comparisons.get((first, second), 0)

    @property
    def undecided(self) -> list[tuple[int, int]]:
        """Rows of neighbours in the order that are neither very probably different nor compared often."""
        return [
            (a, b)
            for a, b in pairwise(self.order)
            if self.probability(a, b) < DECIDED_PROBABILITY and self.comparisons(a, b) < DECIDED_COMPARISONS
        ]

    @property
    def is_decided(self) -> bool:
        """True if no more comparisons are needed."""
        return not self.undecided

    @property
    def decided_share(self) -> float:
        """Share of the neighbours in the order that need no more comparisons, 0…1."""
        return 1 - len(self.undecided) / (len(self.ids) - 1)

    def next_to_show(self, count: int, rng: np.random.Generator, skipped: Iterable[frozenset[int]] = ()) -> list[int]:
        """Ids of the pictures to show next, in random order.

        They are the undecided pair with most information and, if ``count`` is above 2, the pictures that follow it in
        the order. Only weaker pictures are added, because a stronger one would win and leave the pair undecided; so
        there may be fewer near the end of the order. Of equally informative pairs one with enough of them is taken.
        Pairs that the rater skipped come again only if no other pair is undecided.
        """
        from scipy.special import expit

        chance = expit(self.strengths[:, None] - self.strengths[None, :])
        information = chance * (1 - chance) * self.variances
        order, undecided, set_aside = self.order, self.undecided, set(skipped)
        fresh = [(a, b) for a, b in undecided if frozenset((self.ids[a], self.ids[b])) not in set_aside]
        pairs = fresh or undecided or list(pairwise(order))

        def value(pair: list[int]) -> tuple[float, int]:
            weaker = len(order) - 1 - order.index(pair[1])
            return round(float(information[pair[0], pair[1]]), 9), min(weaker, count - 2)

        rows = [*max(rng.permutation(pairs).tolist(), key=value)]
        weaker = order[order.index(rows[1]) + 1 :]
        rows += weaker[: max(0, count - 2)]
        return [self.ids[row] for row in rng.permutation(rows)]


def strengths_of(
    count: int, wins: Sequence[tuple[int, int]], ties: Sequence[tuple[int, int]], spread: float = SPREAD
) -> np.ndarray:
    """(count,) posterior mode of strengths in logits, ``spread`` before any choice, of wins and ties between rows."""
    if not wins:
        return np.zeros(count)
    from sklearn.linear_model import LogisticRegression

    pairs = np.array([*wins, *ties])
    rows = np.eye(count)[pairs[:, 0]] - np.eye(count)[pairs[:, 1]]
    # Every pair counts half from either side: a win as won and lost, a tie as won from both.
    seen = np.vstack([rows, -rows])
    won = np.hstack([np.ones(len(rows)), np.zeros(len(wins)), np.ones(len(ties))])
    model = LogisticRegression(C=0.5 * spread**2, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    strengths: np.ndarray = model.fit(seen, won).coef_[0]
    return strengths


def standing(ids: Sequence[int], choices: Sequence[tuple[int, int]], ties: Sequence[tuple[int, int]] = ()) -> Standing:
    """Put pictures in order by choices (chosen, other) and ties of ids; those with other pictures are left out."""
    from scipy.special import expit

    if not FEWEST_TO_ORDER <= len(set(ids)) == len(ids) <= MOST_TO_ORDER:
        raise CollectionError(
            f"Expected {FEWEST_TO_ORDER} to {MOST_TO_ORDER} different pictures to put in order, got {len(set(ids))}."
        )
    place = {image: row for row, image in enumerate(ids)}
    wins, equal = ([(place[a], place[b]) for a, b in some if a in place and b in place] for some in (choices, ties))
    strengths = strengths_of(len(ids), wins, equal)
    precision = np.eye(len(ids)) / SPREAD**2
    for a, b in (*wins, *equal):
        chance = expit(strengths[a] - strengths[b])
        weight = chance * (1 - chance)
        precision[[a, b], [a, b]] += weight
        precision[[a, b], [b, a]] -= weight
    direct = Counter((min(a, b), max(a, b)) for a, b in (*choices, *[*ties] * DECIDED_COMPARISONS))
    return Standing(tuple(ids), strengths, np.linalg.inv(precision), direct)
