"""Reasons for a score that is made of a product of parts: exact, against other pictures, and in words.

A score of 0 to 100 points is P(Σ h_k), where part k halves the product h_k times; P is 100 · 2^(−Σ h_k) for the product
itself. The reference has the mean halvings of the pictures to compare with, m_k, and the points r = P(Σ m_k) that follow.
Part k adds to the score s

    (s − r) · (m_k − h_k) / Σ (m − h),

which sums to s − r exactly. Of the product itself this is the logarithmic mean Divisia index: Ang, "Decomposition analysis
for policymaking in energy: which is the preferred method?", *Energy Policy* 32 (2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    "burn": "burnt colours: contrast and colours beyond their limits",
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
#: Evidence beyond which each of ``DETECTORS`` suspects its fault: outlines and hard light of generated pictures pass for weak
#: halos (``benchmarks/score/looks.py``).
SUSPECT = np.array([1.3 if fault == "halo" else 1.0 for fault in DETECTORS])
#: Strangeness, in standard deviations, from which a rendering is called a little or plainly unlike good pictures.
ODD, STRANGE = 1.0, 2.0


def fault_text(fault: str, evidence: float, place: str = "") -> str:
    """A fault in words, by its evidence; with its place if it is more than a trace."""
    if evidence <= SLIGHT:
        return f"a trace of {NOUNS[fault]}"
    text = _SUSPECTED[fault] if evidence > SUSPECT[DETECTORS.index(fault)] else _SLIGHT[fault]
    return ", ".join(filter(None, (text, place)))


def verdicts(evidence: np.ndarray) -> list[str]:
    """A word or two for each picture by its strongest fault, such as ``"slightly soft"``, or ``"no fault found"``.

    ``evidence`` is (k, n), of each of ``DETECTORS``; NaN where it is not known.
    """
    known = np.nan_to_num(evidence, nan=-np.inf)
    strongest = (known / SUSPECT[:, None]).argmax(axis=0)
    found = [(DETECTORS[k], known[k, n]) for n, k in enumerate(strongest)]
    return [fault_text(fault, e).partition(":")[0] if e > SLIGHT else NO_FAULT for fault, e in found]


def strangeness_text(strangeness: float, departure: str = "") -> str:
    """The rendering of a picture in words, by its strangeness in standard deviations, and in what it departs; empty if usual."""
    if strangeness <= ODD:
        return ""
    if strangeness > STRANGE:
        return ": ".join(filter(None, ("rendered unlike good photographs and drawings", departure)))
    return ": ".join(filter(None, ("rendered a little unlike good pictures", departure)))


#: Names of the parts that are not faults: what a picture shows, its rated quality, that by its appearance alone, how far its
#: texture is from that of good pictures, how far it looks from photographs, drawings and art, and the mark of NIMA.
CONTENT, QUALITY, APPEARANCE, RENDERING, LOOK, MARK = "content", "quality", "appearance", "rendering", "look", "mark"
ALL_FAULTS, OTHER_FAULTS = "all faults", "other faults"
#: Words for a picture in which a part costs less than in others, and more; of all faults together, and of all but those named, under names of their own.
COMPARED = {
    CONTENT: ("better liked content", "less liked content"),
    QUALITY: ("better quality", "poorer quality"),
    APPEARANCE: ("better made", "less well made"),
    RENDERING: ("more natural texture", "less natural texture"),
    LOOK: ("looks more like photographs and art", "looks less like photographs and art"),
    MARK: (
        "composed and lit more like highly rated photographs",
        "composed and lit less like highly rated photographs",
    ),
    "blur": ("sharper", "softer"),
    "noise": ("less grain", "more grain"),
    "jpeg": ("fewer JPEG artefacts", "more JPEG artefacts"),
    "fade": ("stronger contrast", "paler"),
    "saturate": ("calmer colours", "louder colours"),
    "pixelate": ("finer resolution", "coarser resolution"),
    "halo": ("fewer halos", "more halos"),
    "band": ("smoother gradients", "rougher gradients"),
    "burn": ("fewer burnt colours", "more burnt colours"),
    "grid": ("fewer traces of a grid", "more traces of a grid"),
    "smooth": ("richer surfaces", "smoother surfaces"),
    "unfinished": ("more finished", "less finished"),
    "ring": ("less ringing", "more ringing"),
    ALL_FAULTS: ("fewer faults", "more faults"),
    OTHER_FAULTS: ("fewer other faults", "more other faults"),
}
#: Share of what several faults add from which one of them stands for all.
_MOST = 0.5
#: Fewest pictures of which tenths are told.
_FEWEST_OF_TENTHS = 10


#: Difference of sums of halvings below which scores are equal.
_EQUAL = 1e-6


def halved(halvings: np.ndarray) -> np.ndarray:
    """(n,) points of (n,) sums of halvings."""
    return 100 * 2.0**-halvings


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of n scores; each score is the points of the sum of its halvings, 100 · 2^(−the sum) unless told."""

    halvings: Mapping[str, np.ndarray]  # (n,) times that each part halves the points, by name; 0 or more
    #: (n,) words by name where a part is out of the ordinary, such as ``"blurred"``; empty elsewhere. Those of faults
    #: and of the rendering count only where the part lowers the score.
    words: Mapping[str, Sequence[str]]
    points: Callable[[np.ndarray], np.ndarray] = halved  # (n,) scores of (n,) sums of halvings, which fall with them

    @property
    def matrix(self) -> np.ndarray:
        """(k, n) halvings, in the order of the names."""
        return np.array([*self.halvings.values()])


def contributions(
    halvings: np.ndarray, usual: np.ndarray, points: Callable[[np.ndarray], np.ndarray] = halved
) -> np.ndarray:
    """(k, n) points that each part adds to scores of (k, n) halvings against (k, 1) or (k, n) usual ones; see top."""
    before, more = usual.sum(axis=0), (halvings - usual).sum(axis=0)
    # Of equal scores the slope at them.
    more = np.where(np.abs(more) < _EQUAL, _EQUAL, more)
    added: np.ndarray = (points(before + more) - points(before)) / more * (halvings - usual)
    return added


def than_others(phrase: str, share: float, count: int) -> str:
    """A comparison, such as ``sharper than most`` or ``sharper than 9 in 10 of these``, by the share that is exceeded.

    In the share, 0…1, pictures alike count half. A ``count`` of 0 stands for the usual picture, of which there is no
    share.
    """
    if not count:
        return f"{phrase} than usual"
    if share > 1 - 0.75 / count:
        all_others = f"{phrase} than all others"
        return all_others if count > 2 else f"{phrase} than the other"
    if share >= 0.7 and count >= _FEWEST_OF_TENTHS:
        tenths = min(9, int(10 * share + 1e-9))
        return f"{phrase} than {tenths} in 10 of these"
    most = f"{phrase} than most"
    return most if share >= 0.5 else f"{phrase} than the average of these"


def share_exceeded(value: float, others: np.ndarray) -> float:
    """Share of (m,) others below a value, 0 to 1; those that are the same up to rounding count half."""
    same = np.abs(others - value) <= 1e-9 * (1 + abs(value))
    return float(((others < value) & ~same).mean() + same.mean() / 2) if len(others) else 0.0


def largest_first(reasons: Iterable[Reason]) -> list[Reason]:
    """Reasons by the size of their contribution."""
    return sorted(reasons, key=lambda reason: -abs(reason.contribution))


def reasons_against(parts: Parts, among: Parts | None, usual: Parts) -> list[list[Reason]]:
    """All parts of each score as reasons, the largest first, which add up to the score less that of the reference.

    The reference is ``among``, or else the usual picture. A fault that is seen and lowers the score is a reason of its
    own; all other faults together are one.
    """
    reference = usual.matrix if among is None else among.matrix.mean(axis=1, keepdims=True)
    added, names, own = contributions(parts.matrix, reference, parts.points), [*parts.halvings], parts.matrix
    others = np.zeros((len(names), 0)) if among is None else among.matrix

    def compared(name: str, rows: Sequence[int], n: int, contribution: float) -> str:
        sign = 1 if contribution >= 0 else -1
        share = share_exceeded(-sign * float(own[rows, n].sum()), -sign * others[rows].sum(axis=0))
        return than_others(COMPARED[name][contribution < 0], share, others.shape[1])

    found = []
    for n in range(own.shape[1]):
        reasons, faults = [], []
        for k, name in enumerate(names):
            words, contribution = parts.words[name][n], float(added[k, n])
            own_words = words and (contribution < 0 or name in (QUALITY, APPEARANCE, LOOK, MARK))
            if name in DETECTORS and not own_words and len(names) > 1:
                faults.append(k)
            else:
                reasons.append(Reason(words if own_words else compared(name, [k], n, contribution), contribution))
        if faults:
            total = float(added[faults, n].sum())
            strongest = max(faults, key=lambda k: added[k, n] * np.sign(total))
            alone = abs(added[strongest, n]) >= _MOST * abs(total)
            # Beside a fault that is named, "fewer faults" would read like a contradiction.
            together = ALL_FAULTS if len(faults) == sum(name in DETECTORS for name in names) else OTHER_FAULTS
            text = compared(names[strongest] if alone else together, [strongest] if alone else faults, n, total)
            reasons.append(Reason(text, total))
        found.append(largest_first(reasons))
    return found
