"""Signs that a score is being exploited rather than pictures getting better.

diversity collapse     pictures of the last batch lie much nearer together than those of the first
drift                  saturation or contrast of the last batch lies far outside the first batch's spread
disagreement           the score rose while a judge that was not optimised found the pictures worse
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Share of the first batch's spread between pictures under which diversity has collapsed.
COLLAPSE = 1 / 3
#: Drift, and changes of scores, count from so many deviations of the first batch.
DRIFT, CHANGE = 2.5, 1.0
#: Fewer pictures than this on a side say nothing.
FEWEST = 4


def appearance(pixels: np.ndarray) -> dict[str, float]:
    """Saturation (mean of max − min over R, G, B) and contrast (deviation of luma) of a uint8 picture (h, w, 3), both in 0…1."""
    rgb = pixels.astype(np.float32) / 255
    luma = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return {"saturation": float(np.ptp(rgb, axis=2).mean()), "contrast": float(luma.std())}


def spread(items: np.ndarray) -> float:
    """Root mean square distance between the rows of (n, p) standardised items."""
    return float(np.sqrt(2 * items.var(axis=0, ddof=1).sum())) if len(items) > 1 else 0.0


def find_alarms(
    items: tuple[np.ndarray, np.ndarray],
    looks: Mapping[str, tuple[np.ndarray, np.ndarray]],
    scores: tuple[np.ndarray, np.ndarray],
    judge: tuple[str, np.ndarray, np.ndarray] | None = None,
) -> list[str]:
    """Compare the first pictures of a run with the last.

    Args:
        items: (n, p) of the first and (m, p) of the last pictures.
        looks: by name, such as ``saturation``, (n,) and (m,) values.
        scores: (n,) and (m,) under the score that was optimised.
        judge: name of a score that was not, with its (n,) and (m,) values; None where there is none.

    Returns:
        a sentence for each alarm.
    """
    first, last = items
    if min(len(first), len(last)) < FEWEST:
        return []
    alarms = []
    deviation = first.std(axis=0)
    scale = np.where(deviation > 0, deviation, np.inf)
    before, after = spread(first / scale), spread(last / scale)
    if before > 0 and after < COLLAPSE * before:
        alarms.append(
            f"Diversity collapse: the last pictures lie {after / before:.0%} as far apart as the first; ban what they share, or pin less."
        )
    for name, (early, late) in looks.items():
        moved = _in_deviations(early, late)
        if abs(moved) > DRIFT:
            alarms.append(
                f"Drift: {name} went {'up' if moved > 0 else 'down'} from {early.mean():.2f} to {late.mean():.2f}, "
                f"{abs(moved):.1f} deviations of the first pictures; look whether the score rewards just that."
            )
    if judge is not None:
        name, early, late = judge
        gained, found = _in_deviations(*scores), _in_deviations(early, late)
        if gained > CHANGE and found < -CHANGE:
            alarms.append(
                f"Disagreement: the score rose by {gained:.1f} deviations, while {name}, which was not optimised, fell by {-found:.1f}."
            )
    return alarms


def _in_deviations(early: np.ndarray, late: np.ndarray) -> float:
    deviation = float(early.std(ddof=1))
    return float(late.mean() - early.mean()) / deviation if deviation > 0 else 0.0
