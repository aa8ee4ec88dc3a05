"""Outliers, styles and coordinates of the pictures of a collection.

Symbols: n pictures, p items, z = (x − m)/s an item vector in standard deviations of the sample, c = z Pᵀ/√p its
coordinates on the k principal axes P of the sample. Two pictures whose items all differ by one standard deviation are
about 1 apart.

* Distances are those of the MT method (Taguchi & Jugulum 2002) from the collection's own unit space: the sample without
  its farthest twentieth. Its items are the coordinates and the log of the remainder that they leave unexplained, so
  there are far fewer items than pictures.
* Outliers are found by the modified z-score of log distances (Iglewicz & Hoaglin 1993).
* The number of styles is found by the silhouette (Rousseeuw 1987) of k-means, less that of a reference cloud as in the
  gap statistic (Tibshirani, Walther & Hastie 2001).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import ItemsError
from ..taguchi.distances import MT

#: Fewest pictures among which outliers can be found, and pictures per style when styles are sought.
FEWEST_PICTURES = 12
#: The most principal axes, and the fewest pictures per axis.
MOST_AXES, PICTURES_PER_AXIS = 32, 10
#: Share of the sample that is left out of the unit space, and the modified z-score of an outlier.
LEFT_OUT, OUTLIER = 0.05, 3.5
#: The most styles, how much clearer they must be than parts of a single cloud, and the fewest pictures of one.
MOST_STYLES, CLEARER, SMALLEST_STYLE = 10, 0.02, 3
#: The most pictures whose distances from each other tell how clear styles are.
MOST_COMPARED = 2000


def unit_space(sample: np.ndarray) -> MT:
    """Fit the MT method to a sample (n, q) of a collection, first to all of it, then without the farthest twentieth."""
    distance = MT(singular="shrink").fit(sample).distance(sample)
    unit: MT = MT(singular="shrink").fit(sample[distance <= np.quantile(distance, 1 - LEFT_OUT)])
    return unit


def outlier_limit(distances: np.ndarray) -> float:
    """Distance beyond which a picture is an outlier; infinite if the (n,) distances do not vary, or are too few."""
    logs = np.log(distances[distances > 0])
    if len(logs) < FEWEST_PICTURES:
        return float("inf")
    median = float(np.median(logs))
    deviation = float(np.median(np.abs(logs - median))) / 0.6745
    return float(np.exp(median + OUTLIER * deviation)) if deviation > 0 else float("inf")


def find_styles(coordinates: np.ndarray) -> np.ndarray:
    """(g, k) centres of the styles among (n, k) coordinates, the largest first; one centre if no grouping is clear.

    k-means divides a single cloud as well, and in few dimensions even neatly. So groups are judged by how much clearer
    they are than those of a Gaussian cloud of the same covariance.
    """
    from sklearn.cluster import KMeans

    n, k = coordinates.shape
    covariance = np.atleast_2d(np.cov(coordinates.T))
    cloud = np.random.default_rng(0).multivariate_normal(np.zeros(k), covariance, n, method="eigh")
    clearest = CLEARER
    centres: np.ndarray = coordinates.mean(axis=0, keepdims=True)
    different = len(np.unique(coordinates, axis=0))
    for count in range(2, min(MOST_STYLES, different - 1, n // FEWEST_PICTURES) + 1):
        groups = KMeans(count, n_init=4, random_state=0).fit(coordinates)
        reference = KMeans(count, n_init=1, random_state=0).fit_predict(cloud)
        clearer = _clearness(coordinates, groups.labels_) - _clearness(cloud, reference)
        if clearer > clearest:
            sizes = np.bincount(groups.labels_, minlength=count)
            # One or two unusual pictures are not a style.
            order = np.argsort(-sizes, kind="stable")
            clearest, centres = clearer, groups.cluster_centers_[order[sizes[order] >= SMALLEST_STYLE]]
    return centres


def _clearness(coordinates: np.ndarray, labels: np.ndarray) -> float:
    """Silhouette of a grouping, on ``MOST_COMPARED`` pictures at most; 0 where these are of a single group."""
    from sklearn.metrics import silhouette_score
    from sklearn.utils import check_random_state

    rows = check_random_state(0).permutation(len(labels))[:MOST_COMPARED]
    if len(np.unique(labels[rows])) < 2:
        return 0.0
    return float(silhouette_score(coordinates[rows], labels[rows]))


@dataclass(frozen=True)
class Overview:
    """Description of a collection, learnt from a sample of its pictures.

    Attributes:
        centre, scale: (p,) mean and standard deviation of the items; the scale of constant items is infinite.
        axes: (k, p) principal axes.
        unit: the unit space over coordinates and remainder; None if pictures are too few or all alike.
        styles: (g, k) coordinates of the centres of the styles, the largest first.
    """

    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    unit: MT | None
    styles: np.ndarray

    @classmethod
    def of(cls, sample: np.ndarray) -> Overview:
        """Learn from the finite (n, p) items of a sample, n ≥ 1."""
        if sample.ndim != 2 or not len(sample) or not np.isfinite(sample).all():
            raise ItemsError(f"Expected finite items of at least one picture as (n, p), got shape {sample.shape}.")
        centre, deviation = sample.mean(axis=0), sample.std(axis=0)
        scale = np.where(deviation > 1e-12 * np.abs(sample).max(axis=0), deviation, np.inf)
        z = (sample - centre) / scale
        # Axes and groups must not depend on the number of cores, and threads slow down short loops on a busy machine.
        with threadpool_limits(1):
            axes = np.linalg.svd(z, full_matrices=False)[2][: min(MOST_AXES, max(1, len(z) // PICTURES_PER_AXIS))]
            plain = cls(centre, scale, axes, None, np.zeros((1, len(axes))))
            if len(sample) < FEWEST_PICTURES or not np.isfinite(scale).any():
                return plain
            return replace(
                plain, unit=unit_space(plain._with_remainder(sample)), styles=find_styles(plain.coordinates(sample))
            )

    def coordinates(self, items: np.ndarray) -> np.ndarray:
        """(n, k) float32 coordinates of (n, p) items."""
        return self._with_remainder(items)[:, :-1].astype(np.float32)

    def _with_remainder(self, items: np.ndarray) -> np.ndarray:
        """(n, k + 1) coordinates and log of the mean square that they leave unexplained."""
        z = (items - self.centre) / self.scale
        coordinates = z @ self.axes.T / np.sqrt(items.shape[1])
        rest = np.mean(z**2, axis=1) - np.sum(coordinates**2, axis=1)
        # If the axes explain a picture wholly, only rounding is left.
        return np.column_stack([coordinates, np.log(np.maximum(rest, 1e-6))])

    def distances(self, items: np.ndarray) -> np.ndarray:
        """(n,) MT distances of (n, p) items from the collection's unit space, about 1 inside; NaN without one."""
        if self.unit is None:
            return np.full(len(items), np.nan)
        return self.unit.distance(self._with_remainder(items))

    def style_of(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nearest style of (n, k) coordinates: its number (n,), and the distance (n,) from its centre."""
        distances = np.linalg.norm(coordinates[:, None, :] - self.styles[None], axis=2)
        nearest = distances.argmin(axis=1)
        return nearest, distances[np.arange(len(distances)), nearest]
