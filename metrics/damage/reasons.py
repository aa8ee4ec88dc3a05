"""Words for what costs a picture points, and reasons that add up to the points it lacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..protocols import Reason
from .names import DETECTORS, NOUNS

_SUSPECTED = {
    "blur": "blurred: the finest detail is missing",
    "noise": "noisy: grain over plain areas",
    "jpeg": "JPEG artefacts: traces of eight-pixel blocks, of this file or of an earlier one",
    "fade": "faded: little difference between dark and light",
    "saturate": "over-saturated",
    "pixelate": "low resolution: as if enlarged from fewer pixels",
    "halo": "halos: bright or dark seams along edges",
    "band": "banding: too few levels of colour",
    "burn": "burnt: contrast and colours beyond their limits",
    "grid": "a regular grid: lines over the whole picture",
    "smooth": "over-smoothed: surfaces without texture, like plastic",
    "unfinished": "unfinished: drawn in too few steps",
    "ring": "ringing: echoes beside edges, like ripples",
}
_SLIGHT = {
    "blur": "slightly soft",
    "noise": "slightly noisy",
    "jpeg": "slight JPEG artefacts",
    "fade": "slightly faded",
    "saturate": "slightly over-saturated",
    "pixelate": "slightly low resolution",
    "halo": "slight halos",
    "band": "slight banding",
    "burn": "slightly burnt",
    "grid": "a slight grid",
    "smooth": "slightly over-smoothed",
    "unfinished": "slightly unfinished",
    "ring": "slight ringing",
}
#: Evidence from which a fault is called slight; and the verdict without one, which claims no more than what detectors look
#: for: they know nothing of a deformed animal.
SLIGHT, NO_FAULT = 0.6, "no fault found"
#: Strangeness, in standard deviations, from which a rendering is called a little or plainly unlike good pictures.
ODD, STRANGE = 1.0, 2.0


def fault_text(fault: str, evidence: float, place: str = "") -> str:
    """A fault in words, by its evidence; with its place if it is more than a trace."""
    if evidence <= SLIGHT:
        return f"a trace of {NOUNS[fault]}"
    text = _SUSPECTED[fault] if evidence > 1 else _SLIGHT[fault]
    return f"{text}, {place}" if place else text


def verdicts(evidence: np.ndarray) -> list[str]:
    """A word or two for each picture, by its strongest fault: ``"no fault found"``, ``"slightly soft"`` or ``"noisy"``.

    Args:
        evidence: (k, n) evidence of each of ``DETECTORS``; NaN where it is not known.
    """
    known = np.nan_to_num(evidence, nan=-np.inf)
    strongest = zip(known.argmax(axis=0), known.max(axis=0), strict=True)
    texts = [(fault_text(DETECTORS[k], e), e) for k, e in strongest]
    return [text.partition(":")[0] if e > SLIGHT else NO_FAULT for text, e in texts]


def strangeness_text(strangeness: float, departure: str = "") -> str:
    """The rendering of a picture in words, by its strangeness in standard deviations, and in what it departs if it is odd."""
    if strangeness <= ODD:
        return "usual deductions: good pictures lose these points too"
    if strangeness > STRANGE:
        return f"rendered unlike good photographs and drawings: {departure}".removesuffix(": ")
    return f"rendered a little unlike good pictures: {departure}".removesuffix(": ")


def causes_with_rated(
    faults: Sequence[tuple[str, float]], scale: float, freedom: float, rated: float, unrated: float, text: str
) -> list[tuple[str, float]]:
    """All causes of a score: the faults, and the rated quality, part of whose cost the faults share.

    People held against the quality what they saw of faults. That is a share of 1 − (freedom/100)²: three quarters where
    the freedom from faults is 50 points. An unknown rated quality counts as usual and is no cause: the faults share it.

    Args:
        faults: the faults and the rendering, in words and with their costs.
        scale: what a unit of these costs in the score.
        freedom: points of freedom from faults, 0 to 100.
        rated: rated quality, 0 to 1, or NaN.
        unrated: what the rated quality costs in the score.
        text: the rated quality in words.
    """
    shared = 0.0 if np.isnan(rated) else unrated * (1 - (freedom / 100) ** 2)
    total = sum(cost for _, cost in faults)
    causes = [(text, cost * (scale + shared / total)) for text, cost in faults]
    if unrated > 0 and not np.isnan(rated):
        causes.append((text, unrated - shared))
    return causes


def as_reasons(causes: Sequence[tuple[str, float]], score: float, top: int) -> list[Reason]:
    """The ``top`` costliest causes, each with a text and a cost, as reasons whose sum over all causes is the score less 100."""
    total = sum(cost for _, cost in causes) or 1.0
    costliest = sorted(causes, key=lambda cause: -cause[1])[:top]
    return [Reason(text, (score - 100) * cost / total) for text, cost in costliest]
