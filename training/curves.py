"""Fits the curves of ``pipelines.judges.calibration``, and writes them, also those of a model of towers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ..files import read_text
from ..pipelines.judges.calibration import CURVES, FILE, Calibration, Curve

#: Weak normal prior of the curve's parameters, as a precision; it keeps separable data from an infinite slope.
_RIDGE = 1e-2


def fit_curve(margins: np.ndarray, shown: np.ndarray, phrases: Sequence[str]) -> Curve:
    """Fit the curve by penalised maximum likelihood, and its spread between phrases by the method of moments.

    ``margins`` and ``shown`` are (n,). The spread is that between one-step offsets of the phrases (DerSimonian & Laird 1986).
    """
    design = np.stack([margins, np.ones_like(margins)], axis=1)
    prior = np.array([1.0, 0.0])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        log_odds = design @ weights
        value = np.logaddexp(0, log_odds).sum() - log_odds[shown].sum() + _RIDGE / 2 * ((weights - prior) ** 2).sum()
        return float(value), design.T @ (expit(log_odds) - shown) + _RIDGE * (weights - prior)

    # Convex; plain Newton steps overshoot where most margins are large.
    weights = minimize(loss, prior, jac=True, method="L-BFGS-B").x
    p = expit(design @ weights)
    hessian = (design * (p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(2)
    names = np.array(phrases)
    offsets, variances = [], []
    for name in np.unique(names):
        own = names == name
        information = float((p * (1 - p))[own].sum())
        if information > 1:
            offsets.append(float((shown - p)[own].sum()) / information)
            variances.append(1 / information)
    between = float(np.var(offsets, ddof=1) - np.mean(variances)) if len(offsets) > 1 else 0.0
    covariance = np.linalg.inv(hessian)
    return Curve(
        float(weights[0]),
        float(weights[1]),
        tuple(tuple(float(v) for v in row) for row in covariance),  # type: ignore[arg-type]
        float(np.sqrt(max(between, 0.0))),
    )


def save_curves(curves: Mapping[str, Curve], path: Path = CURVES) -> None:
    """Write curves by name; others that the file holds stay."""
    stored = json.loads(read_text(path)) if path.is_file() else {}
    stored |= {name: asdict(curve) for name, curve in curves.items()}
    path.write_text(json.dumps(dict(sorted(stored.items())), indent=1) + "\n", encoding="utf-8")


def save_calibration(calibration: Calibration, folder: Path) -> None:
    """Write the calibration into the folder of the model."""
    kinds = {name: {"options": kind.options, **asdict(kind.curve)} for name, kind in calibration.kinds.items()}
    text = json.dumps({"source": calibration.source, "kinds": kinds}, indent=1)
    (folder / FILE).write_text(f"{text}\n", encoding="utf-8")
