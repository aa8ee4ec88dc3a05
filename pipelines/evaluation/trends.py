"""Rank correlations of scores with numbers, with intervals.

Pictures of one prompt are alike, so they count together: a hundred seeds of one prompt are not a hundred prompts.

Sources: interval of Spearman's ρ after Bonett & Wright (*Psychometrika* 65, 2000), with the effective number of pictures by
the design effect of prompts (Kish, *Survey Sampling*, 1965).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ..support.figures import figure


@dataclass(frozen=True, slots=True)
class Trend:
    """Spearman's rank correlation ``rho`` of scores with a number, such as steps."""

    name: str
    pictures: int
    rho: float
    low: float  # low, high: 95 % interval of ``rho``, with the pictures of a prompt as a cluster
    high: float
    #: lowest and highest number, pictures and mean score of up to five bins of about equal size
    bins: tuple[tuple[float, float, int, float], ...]

    @property
    def clear(self) -> bool:
        """True if the interval leaves no doubt on which side of 0 it lies."""
        return self.low > 0 or self.high < 0

    def label(self, low: float, high: float) -> str:
        """The ends of a bin, such as ``20 … 30``; of days since 1970 as dates, of pixels in millions."""
        if self.name == "date":
            ends = [str(date.fromordinal(719_163 + int(end))) for end in (low, high)]
        else:
            ends = [f"{end / 1e6:.2g} Mpx" if self.name == "pixels" else figure(end, 6) for end in (low, high)]
        return " … ".join(dict.fromkeys(ends))


def trend(name: str, values: np.ndarray, scores: np.ndarray, prompts: np.ndarray | None = None) -> Trend | None:
    """The trend of scores (n,) over values (n,); None for fewer than eight pictures, or if either does not vary.

    NaN is a value that is not known; ``prompts`` are (n,) numbers, negative for none. By default each picture has its
    own.
    """
    known = np.isfinite(values) & np.isfinite(scores)
    prompts = np.full(len(values), -1) if prompts is None else prompts
    values, scores, prompts = values[known], scores[known], prompts[known]
    if len(values) < 8 or np.ptp(values) == 0 or np.ptp(scores) == 0:
        return None
    from scipy import stats

    rho = float(np.clip(stats.spearmanr(values, scores).statistic, -0.999999, 0.999999))
    independent, clusters = _independent(values, scores, rho, prompts)
    quantile = 1.959964 if clusters == len(values) else float(stats.t.ppf(0.975, clusters - 1))
    half = quantile * np.sqrt((1 + rho**2 / 2) / (independent - 3)) if independent > 3 else np.inf
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 6)))
    number = np.clip(np.searchsorted(edges, values, "right") - 1, 0, max(len(edges) - 2, 0))
    bins = []
    for k in np.unique(number):
        inside = number == k
        bins.append(
            (float(values[inside].min()), float(values[inside].max()), int(inside.sum()), float(scores[inside].mean()))
        )
    return Trend(
        name,
        len(values),
        rho,
        float(np.tanh(np.arctanh(rho) - half)),
        float(np.tanh(np.arctanh(rho) + half)),
        tuple(bins),
    )


def _independent(values: np.ndarray, scores: np.ndarray, rho: float, prompts: np.ndarray) -> tuple[float, int]:
    """The effective number of independent pictures for a rank correlation, and the number of clusters.

    Each picture tells its influence on the correlation. The more those of one prompt agree, the fewer pictures they are
    worth. Pictures without a prompt (below 0) are clusters of their own; so are all if there is one prompt alone.
    """
    from scipy import stats

    n = len(values)
    named = np.unique(prompts, return_inverse=True)[1]
    cluster = np.unique(np.where(prompts < 0, n + np.arange(n), named), return_inverse=True)[1]
    clusters = int(cluster.max()) + 1
    if clusters == 1:
        return n, n
    one, two = (stats.zscore(stats.rankdata(each)) for each in (values, scores))
    influence = one * two - rho * (one**2 + two**2) / 2
    together, apart = float((np.bincount(cluster, influence) ** 2).sum()), float((influence**2).sum())
    effect = max(1.0, together / apart * clusters / (clusters - 1)) if apart > 0 and clusters < n else 1.0
    return n / effect, clusters
