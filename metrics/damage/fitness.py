"""Tells which pictures can be judged at all; what all judges of items share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..protocols import POINTS, ItemJudge, Pictures, Reason, Values

#: Fewest pixels of the longest side, and the span of tones (0…1) below which a picture is plain.
FEWEST_PIXELS, PLAIN = 16, 3 / 255
#: Why pictures of fewer pixels cannot be judged.
TOO_SMALL = "too small to be judged (16 pixels are needed)"
#: Why pictures without content cannot be judged. Transparency is laid over white before anything is measured.
BLANK = ("all black", "all white or transparent", "nothing but one tone", "nothing but noise")
#: Of noise alone, in pictures of at least so many pixels a side, detail and grain differ by less than this from cell to cell (log10),
#: grain is at least, and coarser detail less than this; patterns have more of it than grain explains.
_SIDE, _DETAIL, _GRAIN, _FAINTEST, _COARSEST, _PATTERN = 256, 0.25, 0.05, -2.3, -2.0, 1.0


def why_unfit(items: np.ndarray, names: Sequence[str]) -> list[str]:
    """Why pictures of (n, p) items cannot be judged, such as ``"all black"``; empty for those that can."""
    if "quality/side" not in names:
        return [""] * len(items)
    side, dark, spread, lightest, colour = (
        items[:, names.index(f"quality/{name}")]
        for name in ("side", "luma/q01", "luma/deviation", "luma/q99", "chroma/q99")
    )
    reasons, noise = [], _only_noise(items, names)
    for n in range(len(items)):
        plain = spread[n] < PLAIN and lightest[n] - dark[n] < PLAIN
        if side[n] < FEWEST_PIXELS:
            reasons.append(TOO_SMALL)
        elif plain and colour[n] < PLAIN and lightest[n] < PLAIN:
            reasons.append(BLANK[0])
        elif plain and colour[n] < PLAIN and dark[n] > 1 - PLAIN:
            reasons.append(BLANK[1])
        else:
            reasons.append(BLANK[2] if plain else BLANK[3] if noise[n] else "")
    return reasons


def _only_noise(items: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(n,) bool: True for pictures of (n, p) items whose every part has the same fine grain and nothing else."""
    columns = (
        "side",
        *(f"detail/s{scale}/q{q}" for scale in (0, 1) for q in (10, 90)),
        *(f"pixel/noise/{grain}" for grain in ("fine/q10", "fine/q50")),
    )
    side, low, high, coarse_low, coarse, grain, usual = (items[:, names.index(f"quality/{name}")] for name in columns)
    alike = (high - low < _DETAIL) & (coarse - coarse_low < _DETAIL) & (usual - grain < _GRAIN)
    found: np.ndarray = (
        (side >= _SIDE) & alike & (grain > _FAINTEST) & (coarse < np.minimum(_COARSEST, 2 * grain + _PATTERN))
    )
    return found


class JudgesItems:
    """Base of judges of items, 0 to 100 points: values and reasons of pictures, by ``score`` and ``explain`` of their items."""

    scale, needs = POINTS, ("items",)

    def values(self: ItemJudge, pictures: Pictures) -> Values:
        """Values of pictures; none for those that are too small, all black or of one tone."""
        items = pictures.items(self.extractor)
        return fit_values(self.score(items), items, self.extractor.names)

    def reasons(self: ItemJudge, pictures: Pictures, among: Pictures | None = None) -> list[list[Reason]]:
        """For each picture the parts of its value, see ``ItemJudge.explain``."""
        others = None if among is None else among.items(self.extractor)
        return self.explain(pictures.items(self.extractor), others)


def fit_values(values: np.ndarray, items: np.ndarray, names: Sequence[str]) -> Values:
    """Values (n,) by (n, p) items with (p,) names, without those of pictures that cannot be judged."""
    why = why_unfit(items, names)
    return Values(np.where([reason == "" for reason in why], values, np.nan) if why else values, why)
