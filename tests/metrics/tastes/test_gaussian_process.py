"""The average of Gaussian processes against dense conditioning of each one."""

import numpy as np
import pytest
from scipy import stats

from soart.metrics.items.frame import Frame
from soart.metrics.tastes.gaussian_process import hypotheses, learn_preference
from soart.metrics.tastes.kernels import Kernels

NAMES = (*(f"raw/luma/s{k}/line-h/Y2" for k in range(4)), *(f"colour/luma/q{k:02}" for k in range(3)))


@pytest.mark.parametrize("count", [0, 2])
def test_predictions_and_deviations_are_those_of_all_hypotheses(count):
    """Weights of pictures, trust in prior scores and sizes enter as the formula of the module says."""
    rng = np.random.default_rng(0)
    z, new = rng.normal(size=(9, 7)), rng.normal(size=(4, 7))
    y, weights = rng.uniform(-1, 1, 9), rng.integers(1, 5, 9).astype(float)
    priors, new_priors = rng.normal(size=(9, count)), rng.normal(size=(4, count))
    frame = Frame.of(rng.normal(size=(30, 7)), NAMES)
    model = learn_preference(z, y, weights, priors, frame)
    kernels = Kernels.of(z, frame)
    both, both_priors = np.vstack([z, new]), np.vstack([priors, new_priors])
    base = Kernels(both, frame, kernels.widths, kernels.power, kernels.network_power).against(both)
    logs, means, variances = [], [], []
    for h in hypotheses(len(kernels.names), count):
        full = h.amplitude * base[h.kernel] + 1 + h.deviation**2 * both_priors @ both_priors.T
        inside, across = full[:9, :9] + np.diag(h.noise / weights), full[9:, :9]
        expected = h.mean * both_priors.sum(axis=1)
        logs.append(np.log(h.belief) + stats.multivariate_normal(expected[:9], inside).logpdf(y))
        means.append(expected[9:] + across @ np.linalg.solve(inside, y - expected[:9]))
        variances.append(np.diag(full[9:, 9:]) - np.einsum("ij,ji->i", across, np.linalg.solve(inside, across.T)))
    belief = np.exp(np.array(logs) - np.max(logs))
    belief /= belief.sum()
    mean = belief @ np.array(means)
    np.testing.assert_allclose(model.predict(new, new_priors), mean, atol=1e-9)
    # Hypotheses of next to no weight are left out of the deviations.
    second = belief @ (np.array(variances) + np.array(means) ** 2)
    np.testing.assert_allclose(model.uncertainty(new, new_priors), np.sqrt(second - mean**2), rtol=0.02)
    assert sum(model.shares.values()) == pytest.approx(1)
