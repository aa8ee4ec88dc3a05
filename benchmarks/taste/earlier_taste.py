"""The method of tastes before the present one: the mean of Gaussian processes and version D, without prior scores.

The Gaussian processes have the kernels of ``metrics.tastes.kernels``, three sizes and three noises; predictions of all are
averaged by their evidence. Version D is over the modes *good* and *bad*.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from soart.metrics.tastes.examples import Examples
from soart.metrics.tastes.fitting import Scaling
from soart.metrics.tastes.kernels import Kernels
from soart.metrics.tastes.modes import learn_attention

AMPLITUDES, NOISES = (0.25, 1.0, 4.0), (0.02, 0.1, 0.5)


def earlier_liking(examples: Examples, scaling: Scaling, items: np.ndarray) -> np.ndarray:
    """(i,) liking of (i, p) items by the earlier method, learnt from examples."""
    frame = scaling.frame
    z, others = frame.deviations(examples.items), frame.deviations(items)
    by_processes = _by_processes(Kernels.of(z, frame), examples, others)
    attention = learn_attention(z, examples, frame)
    if attention is None:
        return by_processes
    worth = [examples.liking[examples.modes == mode].mean() for mode in attention.model.classes_]
    mean: np.ndarray = (by_processes + attention.model.metric(attention.components(others)) @ worth) / 2
    return mean


def _by_processes(kernels: Kernels, examples: Examples, others: np.ndarray) -> np.ndarray:
    learnt, across, y = kernels.against(kernels.z), kernels.against(others), examples.liking
    evidence, predicted = [], []
    for number, amplitude, noise in product(range(len(learnt)), AMPLITUDES, NOISES):
        covariance = amplitude * learnt[number] + 1 + np.diag(noise / examples.weights)
        alpha = np.linalg.solve(covariance, y)
        evidence.append(-0.5 * (y @ alpha + np.linalg.slogdet(covariance)[1]))
        predicted.append((amplitude * across[number] + 1) @ alpha)
    weights = np.exp(np.array(evidence) - max(evidence))
    liking: np.ndarray = weights @ np.array(predicted) / weights.sum()
    return liking
