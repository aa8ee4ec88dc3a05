"""A collection seen as a whole: who lies far from the rest, which styles there are, how far two pictures lie apart.

Symbols: n pictures, p items, z = (x − m)/s an item vector in standard deviations of the sample, c = z Pᵀ/√p its coordinates on the k
principal axes P of the sample: two pictures whose items all differ by one standard deviation lie about 1 apart.

Sources: distance from the collection's own unit space by the MT method (Taguchi & Jugulum 2002), whose items are the coordinates and the log of
what they leave unexplained, far fewer than pictures; the unit space is the sample without its farthest twentieth; outliers by the modified z-score of log distances (Iglewicz & Hoaglin 1993); number of
styles by the silhouette (Rousseeuw 1987) of k-means over that of a reference cloud, as in the gap statistic (Tibshirani, Walther & Hastie 2001).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import ItemsError
from ..taguchi.distances import MT

#: Fewest pictures of which one can be said to lie outside, or to be of a style.
FEWEST = 12
#: Principal axes at most, and pictures for each; share of a unit space that may be strange to it; modified z-score of an outlier.
AXES, PICTURES_AN_AXIS, STRANGE, OUTLIER = 32, 10, 0.05, 3.5
#: Most styles that are told apart, how much clearer they must be than parts of a single cloud, and fewest pictures of one.
STYLES, CLEAR, SMALLEST = 10, 0.02, 3


def unit_space(sample: np.ndarray) -> MT:
    """The MT method fitted to a sample (n, q) of a collection, once with all and once without the farthest twentieth."""
    first = MT(singular="shrink").fit(sample)
    distance = first.distance(sample)
    kept = sample[distance <= np.quantile(distance, 1 - STRANGE)]
    unit: MT = MT(singular="shrink").fit(kept)
    return unit


def outlier_limit(distances: np.ndarray) -> float:
    """Distance beyond which a picture is an outlier among (n,) distances; infinite where they do not vary."""
    logs = np.log(distances[distances > 0])
    if len(logs) < FEWEST:
        return float("inf")
    middle = float(np.median(logs))
    deviation = float(np.median(np.abs(logs - middle))) / 0.6745
    return float(np.exp(middle + OUTLIER * deviation)) if deviation > 0 else float("inf")


def find_styles(coordinates: np.ndarray, seed: int = 0) -> np.ndarray:
    """Centres (g, k) of the styles among (n, k) coordinates, largest first; one centre where no grouping is clear.

    k-means parts a single cloud as well, and in few dimensions even neatly: groups count by how much clearer they are than those of a
    Gaussian cloud of the same covariance.
    """
    from sklearn.cluster import KMeans

    n, k = coordinates.shape
    covariance = np.atleast_2d(np.cov(coordinates.T))
    cloud = np.random.default_rng(seed).multivariate_normal(np.zeros(k), covariance, n, method="eigh")
    best = CLEAR
    found: np.ndarray = coordinates.mean(axis=0, keepdims=True)
    different = len(np.unique(coordinates, axis=0))
    for count in range(2, min(STYLES, different - 1, n // FEWEST) + 1):
        groups = KMeans(count, n_init=4, random_state=seed).fit(coordinates)
        reference = KMeans(count, n_init=1, random_state=seed).fit_predict(cloud)
        clearer = _clearness(coordinates, groups.labels_, seed) - _clearness(cloud, reference, seed)
        if clearer > best:
            sizes = np.bincount(groups.labels_, minlength=count)
            # One or two strange pictures make no style.
            order = np.argsort(-sizes, kind="stable")
            best, found = clearer, groups.cluster_centers_[order[sizes[order] >= SMALLEST]]
    return found


def _clearness(coordinates: np.ndarray, labels: np.ndarray, seed: int) -> float:
    from sklearn.metrics import silhouette_score

    if len(np.unique(labels)) < 2:
        return 0.0
    return float(silhouette_score(coordinates, labels, sample_size=min(len(labels), 2000), random_state=seed))


@dataclass(frozen=True)
class Overview:
    """What a sample says of a collection.

    Attributes:
        centre, scale: (p,) mean and standard deviation of the items; infinite scale for constant items.
        axes: (k, p) principal axes.
        unit: the unit space over coordinates and remainder; None for too few pictures.
        styles: (g, k) coordinates of the centres of styles.
    """

    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    unit: MT | None
    styles: np.ndarray

    @classmethod
    def of(cls, sample: np.ndarray) -> Overview:
        """Learn from the (n, p) finite items of a sample.

        Raises:
            ItemsError: no picture, or items that are not finite.
        """
        if sample.ndim != 2 or not len(sample) or not np.isfinite(sample).all():
            raise ItemsError(f"Expected finite items of at least one picture as (n, p), got shape {sample.shape}.")
        centre, deviation = sample.mean(axis=0), sample.std(axis=0)
        scale = np.where(deviation > 1e-12 * np.abs(sample).max(axis=0), deviation, np.inf)
        z = (sample - centre) / scale
        axes = np.linalg.svd(z, full_matrices=False)[2][: min(AXES, max(1, len(z) // PICTURES_AN_AXIS))]
        found = cls(centre, scale, axes, None, np.zeros((1, len(axes))))
        if len(sample) < FEWEST or not np.isfinite(scale).any():
            return found
        # Groups must not depend on the number of cores; and short loops in threads cost most on a busy machine.
        with threadpool_limits(1):
            return replace(found, unit=unit_space(found._seen(sample)), styles=find_styles(found.coordinates(sample)))

    def coordinates(self, items: np.ndarray) -> np.ndarray:
        """(n, p) items to (n, k) float32 coordinates."""
        return self._seen(items)[:, :-1].astype(np.float32)

    def _seen(self, items: np.ndarray) -> np.ndarray:
        """(n, k + 1) coordinates and log of the remainder."""
        z = (items - self.centre) / self.scale
        coordinates = z @ self.axes.T / np.sqrt(items.shape[1])
        rest = np.mean(z**2, axis=1) - np.sum(coordinates**2, axis=1)
        # Of pictures that the axes explain wholly only rounding is left.
        return np.column_stack([coordinates, np.log(np.maximum(rest, 1e-6))])

    def distances(self, items: np.ndarray) -> np.ndarray:
        """MT distance of (n, p) items from the collection's unit space, (n,), about 1 inside; NaN without a unit space."""
        found: np.ndarray = np.full(len(items), np.nan) if self.unit is None else self.unit.distance(self._seen(items))
        return found

    def style_of(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of the style (n,) that each of the (n, k) coordinates belongs to, and its distance (n,) from the centre."""
        apart = np.linalg.norm(coordinates[:, None, :] - self.styles[None], axis=2)
        nearest = apart.argmin(axis=1)
        return nearest, apart[np.arange(len(apart)), nearest]
