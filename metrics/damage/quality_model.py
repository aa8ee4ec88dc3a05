"""The model behind the technical score: unit spaces of good pictures, and detectors of faults.

Quality items are standardised at each canonical size (rung), so that all sizes share one model.

* A *unit space* describes good pictures of one kind (photographs, drawings, those of the embedded model, photographs from
  the web, scans of art) by the mean and the covariance of their texture items. The distance of a picture is that from the
  nearest unit space of its size: MT of the Mahalanobis–Taguchi family, with hard attention over the unit spaces. Pictures
  of 512 and of 256 pixels share their unit spaces, in which they are described by the texture that both can show: at 256
  and at 128 pixels. So the distance hardly changes when a picture is reduced. Means and covariances are symmetrised over
  all mirrorings and quarter turns, so that it does not change with them.
* A *detector* is attention-RT, version D (``attention/version_d``): a picture attends to learning pictures, undamaged
  ones and damaged ones, whose values are fitted. Keys are a sample of the learning pictures; the values are fitted to
  all of them. Evidence of a fault is 0 for the median undamaged picture and 1 at the limit, which hardly any
  undamaged picture passes. The costs of all faults are weighted by rung, so that an undamaged picture loses as much at
  each size.

Sources: Taguchi & Jugulum, *The Mahalanobis–Taguchi Strategy* (2002); covariances after Ledoit & Wolf (2004); values
fitted to more pictures than there are keys: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), 8.3.1,
subset of regressors. ``benchmarks/score/build_quality.py`` learns the model.

In what a picture departs from good ones: its squared Mahalanobis distance zᵀC⁻¹z is split among properties of texture that are
orthogonal to each other. With projections P_k that sum to the identity, the share of a property is (P_k z)ᵀC⁻¹z / zᵀC⁻¹z.
Shares sum to 1; one is negative if the others alone lie farther away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from ...errors import TasteError
from ..formats.tensors import read_tensors
from ..items.parts import PARTS
from ..items.quality import SCALES

#: Standardised items are cut at ± this, so that no single one decides alone.
CUT = 6.0
#: Length of the part of a key that tells the rung, as a share of the usual length of the rest.
RUNG_SHARE = 0.3
#: Number of scales of texture in unit spaces; the first of them at each rung; and the size of picture whose unit spaces
#: the rung uses, as a row of those.
UNIT_SCALES, _FIRST_SCALE, UNIT_SIZE = 2, np.array([1, 0, 0, 0]), np.array([0, 0, 1, 2])
#: Pictures whose attention is computed at once, which limits memory.
CHUNK = 512
#: Most pictures whose evidence is remembered until others come.
_REMEMBERED = 4096
#: Kinds of parts that mirrorings and quarter turns exchange.
_KINDS = {"line-h": "axis", "line-v": "axis", "line-d": "diagonal", "line-u": "diagonal"}


def is_texture(name: str) -> bool:
    """True for the items that unit spaces use."""
    return name.startswith("quality/texture/")


def kind_of_part(part: str) -> str:
    """Kind of the parts that mirrorings and turns exchange with a part: ``axis``, ``diagonal`` or ``bend``."""
    return _KINDS.get(part, "bend")


@cache
def folded(names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """(f,) names of features, and the (p, f) matrix that makes features of (p,) items.

    Items that mirrorings and turns exchange are taken as their mean; the rung is left out.
    """
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        *start, part, metric = name.split("/")
        if part in PARTS:
            name = "/".join([*start, kind_of_part(part), metric])
        if name != "quality/side":
            columns.setdefault(name, []).append(column)
    matrix = np.zeros((len(names), len(columns)))
    for feature, members in enumerate(columns.values()):
        matrix[members, feature] = 1 / len(members)
    return tuple(columns), matrix


def unit_texture(items: np.ndarray, names: Sequence[str], rung: np.ndarray) -> np.ndarray:
    """(n, q) texture items that unit spaces use, of (n, p) quality items and their (n,) rows among the rungs."""
    chosen = [is_texture(name) for name in names]
    texture = items[:, chosen].reshape(len(items), SCALES, sum(chosen) // SCALES)
    scales = _FIRST_SCALE[rung][:, None] + np.arange(UNIT_SCALES)
    return np.take_along_axis(texture, scales[:, :, None], axis=1).reshape(len(items), UNIT_SCALES * texture.shape[2])


def unit_vectors(features: np.ndarray, rung: np.ndarray, rungs: int, rotation: np.ndarray) -> np.ndarray:
    """(n, f + r) queries or keys of length 1: rotated (n, f) features less their centre, and the rung of r."""
    size = RUNG_SHARE * np.sqrt(features.shape[1]) * np.eye(rungs)[rung]
    vectors = np.hstack([features @ rotation, size])
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True, eq=False)
class QualityModel:
    """Unit spaces and detectors."""

    names: tuple[str, ...]  # (p,) names of the quality items
    version: str  # of their extractor
    detectors: tuple[str, ...]  # (k,) names of the detectors
    rungs: np.ndarray  # (r,) canonical sizes, the largest first
    #: (r, p) mean and standard deviation of items over undamaged pictures
    centre: np.ndarray
    scale: np.ndarray
    #: (z, q) mean and standard deviation of the texture items that unit spaces use, over undamaged pictures of each
    #: size in ``UNIT_SIZE``
    unit_centre: np.ndarray
    unit_scale: np.ndarray
    unit_size: np.ndarray  # (s,) size of each unit space
    unit_mean: np.ndarray  # (s, q) its mean of standardised texture items
    unit_inverse: np.ndarray  # (s, q, q) its inverse covariance
    #: (z,) of the logarithm of the distances of undamaged pictures
    distance_mean: np.ndarray
    distance_scale: np.ndarray
    key_centre: np.ndarray  # (f,) centre of the features
    #: (2, f, f) Σ_w^(−1/2), of the covariance within faults; the first leaves out the features of colour
    rotation: np.ndarray
    rotated_by: np.ndarray  # (k,) number of the rotation that each fault uses
    keys: np.ndarray  # (m, f) features, less their centre, of the learning pictures that are attended to
    key_rung: np.ndarray  # (m,) their rows in ``rungs``
    values: np.ndarray  # (m, k) fitted values of the keys
    share: np.ndarray  # (k,) evidence without attention to any key
    #: (k, r) evidence of the median undamaged picture, and at the limit; infinite at a rung where a fault was not
    #: learnt, and is never found
    usual: np.ndarray
    limit: np.ndarray
    weight: np.ndarray  # (r,) weight of the costs of faults
    temperature: float  # of attention
    half: float  # badness at which a picture has 50 points

    def rung(self, items: np.ndarray) -> np.ndarray:
        """(n,) row in ``rungs`` of (n, p) items; pictures smaller than all are judged as the smallest."""
        sides = items[:, self.names.index("quality/side")]
        rung: np.ndarray = np.minimum((sides[:, None] < self.rungs).sum(axis=1), len(self.rungs) - 1)
        return rung

    def standardised(self, items: np.ndarray) -> np.ndarray:
        """(n, p) items in standard deviations from the mean undamaged picture of their rung, cut at ``CUT``."""
        rung = self.rung(items)
        z: np.ndarray = np.clip((items - self.centre[rung]) / self.scale[rung], -CUT, CUT)
        return z

    def strangeness(self, items: np.ndarray) -> np.ndarray:
        """(n,) log distances of (n, p) items from the nearest unit space of their size; 0 is the mean undamaged."""
        size = UNIT_SIZE[self.rung(items)]
        deviations, weighted = self.deviations(items)
        nearest = (deviations * weighted).sum(axis=1)
        logarithm = np.log(nearest / deviations.shape[1] + 1e-9)
        strangeness: np.ndarray = (logarithm - self.distance_mean[size]) / self.distance_scale[size]
        return strangeness

    def deviations(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, q) z and C⁻¹z of (n, p) items: standardised texture less its mean in the nearest unit space of the size.

        zᵀC⁻¹z is the squared distance.
        """
        rung = self.rung(items)
        size = UNIT_SIZE[rung]
        texture = unit_texture(items, self.names, rung)
        texture = np.clip((texture - self.unit_centre[size]) / self.unit_scale[size], -CUT, CUT)
        deviations, weighted = np.zeros_like(texture), np.zeros_like(texture)
        nearest = np.full(len(items), np.inf)
        for of, mean, inverse in zip(self.unit_size, self.unit_mean, self.unit_inverse, strict=True):
            rows = np.flatnonzero(size == of)
            z = texture[rows] - mean
            weights = z @ inverse
            distances = (z * weights).sum(axis=1)
            nearer = distances < nearest[rows]
            rows = rows[nearer]
            deviations[rows], weighted[rows], nearest[rows] = z[nearer], weights[nearer], distances[nearer]
        return deviations, weighted

    @cached_property
    def rotated_keys(self) -> list[np.ndarray]:
        """(m, f + r) unit vectors of the keys under each rotation."""
        return [unit_vectors(self.keys, self.key_rung, len(self.rungs), rotation) for rotation in self.rotation]

    @cached_property
    def _latest(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The latest items (n, p) and their evidence (k, n), because the judges of all faults ask for the same."""
        return []

    def evidence(self, items: np.ndarray) -> np.ndarray:
        """(k, n) evidence of each fault in (n, p) items: 0 is usual for an undamaged picture, 1 is at the limit."""
        for known, evidence in self._latest:
            if np.array_equal(known, items):
                return evidence.copy()
        evidence = self._evidence(items)
        if len(items) <= _REMEMBERED:
            self._latest[:] = [(items.copy(), evidence.copy())]
        return evidence

    def _evidence(self, items: np.ndarray) -> np.ndarray:
        rung = self.rung(items)
        features = self.standardised(items) @ folded(self.names)[1] - self.key_centre
        raw = np.tile(self.share[:, None], len(items))
        for start in range(0, len(items), CHUNK):
            rows = slice(start, start + CHUNK)
            for number, (rotation, keys) in enumerate(zip(self.rotation, self.rotated_keys, strict=True)):
                faults = self.rotated_by == number
                # Not in single precision, in which scores depend on how many pictures are scored at once.
                similarity = unit_vectors(features[rows], rung[rows], len(self.rungs), rotation) @ keys.T
                similarity -= 1
                similarity /= self.temperature
                raw[faults, rows] += (np.exp(similarity, out=similarity) @ self.values[:, faults]).T
        evidence: np.ndarray = (raw - self.usual[:, rung]) / (self.limit - self.usual)[:, rung]
        return evidence

    @classmethod
    def load(cls, path: Path, names: Sequence[str], version: str) -> QualityModel:
        """Read a model that was learnt on items of these names and this version, or raise a ``TasteError``."""
        try:
            header, stored = read_tensors(path)
            arrays = {key: values.astype(np.float64) for key, values in stored.items()}
            for whole in ("unit_size", "rotated_by", "key_rung"):
                arrays[whole] = arrays[whole].astype(int)
            model = cls(
                tuple(json.loads(header["names"])), header["version"], tuple(json.loads(header["detectors"])),
                temperature=float(header["temperature"]), half=float(header["half"]), **arrays,
            )  # fmt: skip
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise TasteError(f"The judge {str(path)!r} cannot be read: {error}.") from error
        if model.version != version or model.names != tuple(names):
            raise TasteError(
                f"The judge {str(path)!r} was learnt on items {model.version}, this version measures {version}: "
                "rebuild or update it."
            )
        return model


#: Share of the squared distance from which a property is named.
MOST = 0.5
#: Words by scale of texture, the finer first.
_ROUGHER = ("fine texture is rougher than theirs", "coarse texture is rougher than theirs")
_SMOOTHER = ("fine texture is smoother than theirs", "coarse texture is smoother than theirs")
_DIRECTED = ("fine texture runs in one direction", "coarse texture runs in one direction")
_PATTERNED = ("fine texture has an unusual pattern", "coarse texture has an unusual pattern")
_PARTS_BY_KIND = [
    [k for k, part in enumerate(PARTS) if kind_of_part(part) == kind] for kind in ("axis", "diagonal", "bend")
]


def _by_part(values: np.ndarray) -> np.ndarray:
    """(n, q) values of texture items as (n, scales, parts, 2): Y2 and Y3."""
    return values.reshape(len(values), UNIT_SCALES, len(PARTS), 2)


def texture_shares(deviations: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """(n, s, 2) shares in squared distances of the level of all parts, and of their differences, the finer scale first.

    ``deviations`` are (n, q) z, texture items less their mean in a unit space, and ``weighted`` (n, q) C⁻¹z.
    """
    distances = np.maximum((deviations * weighted).sum(axis=1), 1e-12)
    z, g = _by_part(deviations), _by_part(weighted)
    level = z.mean(axis=2, keepdims=True)
    shares = [(part * g).sum(axis=(2, 3)) / distances[:, None] for part in (level, z - level)]
    return np.stack(shares, axis=2)


def has_direction(deviations: np.ndarray) -> np.ndarray:
    """(n, s) True where parts that mirrorings and quarter turns exchange differ more than kinds of parts do."""
    z = _by_part(deviations)
    by_kind = np.empty_like(z)
    for members in _PARTS_BY_KIND:
        by_kind[:, :, members] = z[:, :, members].mean(axis=2, keepdims=True)
    within, between = z - by_kind, by_kind - z.mean(axis=2, keepdims=True)
    directed: np.ndarray = (within**2).sum(axis=(2, 3)) > (between**2).sum(axis=(2, 3))
    return directed


def departures(model: QualityModel, items: np.ndarray) -> list[str]:
    """The property that makes up most of each distance, such as ``"fine texture is smoother than theirs"``, if any."""
    deviations, weighted = model.deviations(items)
    shares, directed = texture_shares(deviations, weighted), has_direction(deviations)
    # Y2 is the variance about the mean of the neighbourhood.
    rough = _by_part(deviations)[..., 0].mean(axis=2) > 0
    texts = []
    for n, own in enumerate(shares):
        scale, of_parts = np.unravel_index(own.argmax(), own.shape)
        if own.max() < MOST:
            texts.append("")
        elif of_parts:
            texts.append((_DIRECTED if directed[n, scale] else _PATTERNED)[scale])
        else:
            texts.append((_ROUGHER if rough[n, scale] else _SMOOTHER)[scale])
    return texts
