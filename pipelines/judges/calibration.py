"""Calibration of phrases: how a margin between embeddings becomes the probability that a phrase is shown.

A phrase of a kind competes with the other options of that kind. Its margin is its own similarity less the log-sum-exp
of the others', which is the log-odds of zero-shot classification (Radford et al. 2021). A logistic curve for each kind
turns margins into probabilities (Platt, "Probabilistic outputs for support vector machines", 1999).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import JudgeError, first_line
from ...files import read_text

#: File of the calibration, beside the weights of the towers.
FILE = "adherence.json"
#: Curves of the sources that come with soart, beside this file; ``training.curves`` fits and writes them.
CURVES = Path(__file__).with_name("curves.json")


@dataclass(frozen=True)
class Curve:
    """P(shown) of a margin m: logistic with log-odds ``slope`` · m + ``offset``."""

    slope: float
    offset: float
    covariance: tuple[tuple[float, float], tuple[float, float]]  # 2×2 of both, from the fit
    spread: float  # standard deviation of the log-odds between phrases, beyond the curve

    def log_odds(self, margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) log-odds of (n,) margins, and their standard deviations."""
        design = np.stack([margins, np.ones_like(margins)], axis=-1)
        variance = np.einsum("...i,ij,...j->...", design, np.array(self.covariance), design) + self.spread**2
        return design @ np.array([self.slope, self.offset]), np.sqrt(variance)


def load_curves() -> dict[str, Curve]:
    """The curves of the sources that come with soart, by name, such as ``noun/broad``."""
    try:
        stored = json.loads(read_text(CURVES))
        return {name: _curve(values) for name, values in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise JudgeError(f"{str(CURVES)!r} is damaged ({first_line(error)}): reinstall soart.") from error


def _curve(values: Mapping[str, Any]) -> Curve:
    (a, b), (c, d) = values["covariance"]
    slope, offset, spread = (float(values[name]) for name in ("slope", "offset", "spread"))
    return Curve(slope, offset, ((a, b), (c, d)), spread)


@dataclass(frozen=True)
class PhraseKind:
    """A kind of phrases that a model can tell apart."""

    #: for each option its phrases, in lower case; those of one option mean the same
    options: tuple[tuple[str, ...], ...]
    curve: Curve


@dataclass(frozen=True)
class Calibration:
    """The phrases that a model can tell, and how."""

    kinds: dict[str, PhraseKind]
    source: str

    @cached_property
    def lexicon(self) -> dict[str, str]:
        """Kinds of all phrases, by phrase."""
        return {p: name for name, kind in self.kinds.items() for option in kind.options for p in option}

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read the calibration of a model."""
        path = folder / FILE
        if not path.is_file():
            raise JudgeError(
                f"{str(folder)!r} has no {FILE}, so its values are not probabilities: use the judge clip with it."
            )
        try:
            stored = json.loads(read_text(path))
            kinds = {}
            for name, kind in stored["kinds"].items():
                options = tuple(tuple(str(p) for p in option) for option in kind["options"])
                kinds[name] = PhraseKind(options, _curve(kind))
            return cls(kinds, str(stored["source"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise JudgeError(f"{str(path)!r} is damaged ({first_line(error)}): reinstall, or train it anew.") from error
