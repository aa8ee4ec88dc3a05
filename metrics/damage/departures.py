"""In what the texture of a picture departs from that of good ones, in words.

The squared Mahalanobis distance zᵀC⁻¹z from a unit space is split among properties of texture that are orthogonal to
each other: with projections P_k that sum to the identity, the share of a property is (P_k z)ᵀC⁻¹z / zᵀC⁻¹z. Shares sum
to 1; one is negative if the others alone lie farther away.
"""

from __future__ import annotations

import numpy as np

from ..items.parts import PARTS
from .quality_model import UNIT_SCALES, QualityModel, kind_of_part

#: Share of the squared distance from which a property is named.
MOST = 0.5
#: Words by scale of texture, the finer first.
_ROUGHER = ("fine texture is rougher than theirs", "coarse texture is rougher than theirs")
_SMOOTHER = ("fine texture is smoother than theirs", "coarse texture is smoother than theirs")
_DIRECTED = ("fine texture runs in one direction", "coarse texture runs in one direction")
_PATTERNED = ("fine texture has an unusual pattern", "coarse texture has an unusual pattern")
_KINDS = [[k for k, part in enumerate(PARTS) if kind_of_part(part) == kind] for kind in ("axis", "diagonal", "bend")]


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
    for members in _KINDS:
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
