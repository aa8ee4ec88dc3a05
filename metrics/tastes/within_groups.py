"""Within-group trust: how often a score picks the better of two pictures of one group.

The trust report of a taste compares any two pictures. To choose among pictures of one prompt is harder: what tells
prompts apart does not help. So pairs of one group are counted alone, such as pictures of one prompt and other seeds.

The interval is Wilson's with a t quantile: all shares that a score test does not refuse. Pairs of one group are not
independent: the number of pairs is replaced by the effective one, p(1 − p) over the variance between groups, and a group
of m pictures counts as at most m − 1 independent pairs.

Where a score is learnt from some groups and checked on others, the groups are not independent either. With nothing to
learn, the error of foretelling group i from j and that of foretelling j from i are one and the same noise, so that the
variance is twice as large; it falls to its usual value as there is more to learn.

Sources: Wilson, *JASA* 22 (1927); Korn & Graubard, "Confidence intervals for proportions with small expected number of
positive counts estimated from survey data", *Survey Methodology* 24 (1998); Dean & Pagano, "Evaluating confidence
interval methods for binomial proportions in clustered surveys", *J. Survey Statistics and Methodology* 3 (2015).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .folds import HeldOut, gather

#: Fewest pairs, and fewest groups with pairs, from which anything is said.
FEWEST_PAIRS, FEWEST_GROUPS = 10, 5
#: Rank correlation within groups, 2θ − 1, from which held-out groups count as independent. Chosen by the development
#: worlds of ``benchmarks/taste/keepers.py``.
SIGNAL = 0.4


@dataclass(frozen=True, slots=True)
class WithinGroups:
    """Within-group trust."""

    #: share of pairs of one group, rated differently, of which the better rated picture scores higher. Ties count half;
    #: NaN without pairs.
    concordance: float = float("nan")
    #: its 95 % interval
    low: float = 0.0
    high: float = 1.0
    #: number of these pairs, and of groups that have some
    pairs: int = 0
    groups: int = 0

    @property
    def known(self) -> bool:
        """True if there are enough pairs to say anything."""
        return self.pairs >= FEWEST_PAIRS and self.groups >= FEWEST_GROUPS

    @property
    def chance(self) -> bool:
        """True if the interval covers 50 %."""
        return self.low <= 0.5 <= self.high

    def sentence(self, unit: str = "prompt") -> str:
        """The figure in words, the beginning of a sentence without its full stop; ``unit`` is what a group shares."""
        counted = f"{_count(self.pairs, 'pair')} of {_count(self.groups, unit)}"
        if not self.known:
            return (
                f"Not known yet how often it picks the one you prefer of two pictures of one {unit}: give the two "
                f"different ratings in {FEWEST_PAIRS} or more such pairs, from {_count(FEWEST_GROUPS, unit)} or more "
                f"(so far {counted})"
            )
        chance = ", no better than chance" if self.chance else ""
        remark = ", worse than chance" if self.high < 0.5 else chance
        share = f"{100 * self.concordance:.0f} % ({100 * self.low:.0f} … {100 * self.high:.0f})"
        return f"Of two pictures of one {unit} it picks yours in {share}{remark}; {counted}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def accepted(estimate: float, theta: np.ndarray, limit: np.ndarray) -> tuple[float, float]:
    """Lowest and highest of the ascending values ``theta`` that a test does not refuse.

    Their squared distance from the estimate is at most the limit. Where it refuses all, the ends are the values around
    the estimate.
    """
    inside = theta[(estimate - theta) ** 2 <= limit + 1e-12]
    if not len(inside):
        above = int(np.searchsorted(theta, estimate))
        inside = theta[above - 1 : above + 1]
    return float(inside[0]), float(inside[-1])


def interval(
    right: np.ndarray, pairs: np.ndarray, pictures: np.ndarray, *, held_out: bool = False
) -> tuple[float, float]:
    """95 % interval of the share of right pairs, ties half, with groups as clusters.

    The (g,) arrays count right pairs, all pairs, and pictures in pairs of each group. ``held_out`` is True if the score was
    learnt from the other groups.
    """
    groups, total = len(pairs), float(pairs.sum())
    if groups < 2:
        return 0.0, 1.0
    p = float(right.sum()) / total
    variance = groups / (groups - 1) * float(((right - p * pairs) ** 2).sum()) / total**2
    most = float(np.minimum(pairs, pictures - 1).sum())
    effective = min(most, p * (1 - p) / variance) if variance > 0 else most
    theta = np.linspace(0, 1, 2001)
    excess = np.maximum(0, 1 - np.abs(2 * theta - 1) / SIGNAL) if held_out else 0.0
    limit = stdtrit(groups - 1, 0.975) ** 2 * theta * (1 - theta) * (1 + excess) / effective
    return accepted(p, theta, limit)


def _tally(parts: Iterable[HeldOut], *, held_out: bool) -> WithinGroups:
    """The report over comparisons, one part for each group; ``held_out`` as for ``interval``."""
    found = []
    for part in parts:
        compared = part.counts > 0
        if compared.any():
            right = float((part.wins[compared] / part.counts[compared]).sum())
            found.append((right, int(compared.sum()), int((compared | compared.T).any(axis=0).sum())))
    if not found:
        return WithinGroups()
    right, pairs, pictures = np.array(found, dtype=np.float64).T
    low, high = interval(right, pairs, pictures, held_out=held_out)
    return WithinGroups(float(right.sum() / pairs.sum()), low, high, int(pairs.sum()), len(found))


def rows_by_group(groups: np.ndarray) -> list[np.ndarray]:
    """Row numbers of each group of two pictures or more, by (n,) numbers of groups in order; −1 stands for no group."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    return [rows for rows in parts if len(rows) > 1 and groups[rows[0]] >= 0]


def within_held_out(held_out: HeldOut, groups: np.ndarray) -> WithinGroups:
    """Within-group trust of what was learnt from ratings, by held-out comparisons in (n,) groups, −1 for none."""
    return _tally((held_out.take(rows) for rows in rows_by_group(groups)), held_out=True)


def within_scores(liking: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> WithinGroups:
    """Within-group trust of (n,) scores not learnt from the ratings, by (n,) likings and groups, −1 for none."""
    parts = (gather(liking[rows], [(np.arange(len(rows)), scores[rows])]) for rows in rows_by_group(groups))
    return _tally(parts, held_out=False)
