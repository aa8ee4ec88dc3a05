"""Signs that a score is being exploited rather than pictures getting better.

diversity collapse     pictures of the last batch are much more alike than those of the first
drift                  saturation or contrast of the last batch lies far outside the first batch's spread
disagreement           the score rose while a judge that was not optimized found the pictures worse
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Share of the first batch's spread between pictures under which diversity has collapsed.
COLLAPSE = 1 / 3
#: Smallest drift and change of a score that count, in standard deviations of the first batch.
DRIFT, CHANGE = 2.5, 1.0
#: Smallest loss of mean adherence that counts.
LOST = 0.1
#: Pictures needed in the first and in the last batch.
MIN_PICTURES = 4


def appearance(pixels: np.ndarray) -> dict[str, float]:
    """Saturation (mean of max − min over R, G, B) and contrast (deviation of luma) of a uint8 picture (h, w, 3), 0…1."""
    rgb = pixels.astype(np.float32) / 255
    luma = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return {"saturation": float(np.ptp(rgb, axis=2).mean()), "contrast": float(luma.std())}


def spread(items: np.ndarray) -> float:
    """Root mean square distance between the rows of (n, p) standardised items."""
    return float(np.sqrt(2 * items.var(axis=0, ddof=1).sum())) if len(items) > 1 else 0.0


def find_alarms(
    items: tuple[np.ndarray, np.ndarray],
    appearances: Mapping[str, tuple[np.ndarray, np.ndarray]],
    scores: tuple[np.ndarray, np.ndarray],
    judge: tuple[str, np.ndarray, np.ndarray] | None = None,
) -> list[str]:
    """Compare the first n pictures of a run with the last m; a sentence for each alarm, none for fewer than four pictures.

    ``items`` are the measured features of both, (n, p) and (m, p). ``appearances``, by name such as ``saturation``, and
    ``scores``, those that were optimised (NaN without), are (n,) and (m,); so are a ``judge``'s, which was not, behind its name.
    """
    first, last = items
    if min(len(first), len(last)) < MIN_PICTURES:
        return []
    alarms = []
    deviation = first.std(axis=0)
    scale = np.where(deviation > 0, deviation, np.inf)
    before, after = spread(first / scale), spread(last / scale)
    if before > 0 and after < COLLAPSE * before:
        alarms.append(
            f"Diversity collapse: the last pictures are {100 * after / before:.0f} % as far apart as the first; "
            "forbid the words that they share, or fix fewer options of the prompt."
        )
    for name, (early, late) in appearances.items():
        moved = _in_deviations(early, late)
        if abs(moved) > DRIFT:
            alarms.append(
                f"Drift: {name} went {'up' if moved > 0 else 'down'} from {early.mean():.2f} to {late.mean():.2f}, "
                f"{abs(moved):.1f} standard deviations of the first pictures; check whether the score rewards just "
                "that."
            )
    if judge is not None:
        name, early, late = judge
        gain, change = _in_deviations(*scores), _in_deviations(early, late)
        if gain > CHANGE and change < -CHANGE:
            alarms.append(
                f"Disagreement: the score rose by {gain:.1f} standard deviations, but {name}, which was not "
                f"optimized, fell by {-change:.1f}."
            )
    return alarms


def adherence_alarm(scores: tuple[np.ndarray, np.ndarray], adherence: tuple[np.ndarray, np.ndarray]) -> str:
    """A sentence if (n,) first and (m,) last values tell that the score rose and adherence fell; empty otherwise."""
    early, late = (values[np.isfinite(values)] for values in adherence)
    if min(len(early), len(late)) < MIN_PICTURES:
        return ""
    rose, lost = _in_deviations(*scores) > CHANGE, float(early.mean() - late.mean())
    # Welch's standard error of the loss.
    error = float(np.sqrt(early.var(ddof=1) / len(early) + late.var(ddof=1) / len(late)))
    if not rose or lost <= max(LOST, 2 * error):
        return ""
    return (
        f"Adherence lost: the score rose, but the pictures show less of what was asked, {late.mean():.2f} after "
        f"{early.mean():.2f}; raise the least adherence to the prompt (--adherence), or weigh adherence as a judge."
    )


def _in_deviations(early: np.ndarray, late: np.ndarray) -> float:
    """The change of the mean in deviations of the early values; 0 if too few of either are known."""
    early, late = early[np.isfinite(early)], late[np.isfinite(late)]
    if min(len(early), len(late)) < MIN_PICTURES:
        return 0.0
    deviation = float(early.std(ddof=1))
    return float(late.mean() - early.mean()) / deviation if deviation > 0 else 0.0
