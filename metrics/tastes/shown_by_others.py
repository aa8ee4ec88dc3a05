"""Estimates how far a prior score can be trusted from how well it predicts other raters.

A handful of ratings does not tell how much a person agrees with the mean of other raters, the technical score or appeal.
What helps is how much these raters agree with each other, and with these scores. The person is taken for one more
rater of the same collection: with shares π_t of raters who trust a prior score as the word t says,

    π_t ∝ m b_t + Σ_r π_t e_rt^γ / Σ_u π_u e_ru^γ

where e_rt is the evidence of rater r's likings under that trust and no kernel, b the usual beliefs of ``mixture``, which
count as m raters, and γ the temper of trusts there. The shares of no trust and of trust in the opposite are never below
a half together: a person may differ from all others.

Source: empirical Bayes for the weights of a finite mixture, as in Efron, *Large-Scale Inference* (2010), chapter 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .beliefs import NOISES, TEMPER_OF_TRUSTS, Beliefs, PriorTrust
from .mixture import COMPARED_PICTURES, Hypothesis, fit_all

#: Raters that the usual beliefs count as, and least share of those who differ.
USUAL_RATERS, LEAST = 3.0, 0.5
#: Fewest pictures of a rater that count, and most raters, those of most pictures.
FEWEST_PICTURES, MOST_RATERS = 4, 200
_STEPS = 50


def beliefs_shown_by_others(
    table: Mapping[str, PriorTrust], others: Sequence[tuple[np.ndarray, np.ndarray]], spread: float
) -> Beliefs:
    """Log beliefs in the trusts in a prior score, in the order of the table; None if other raters show nothing.

    Of every other rater there are (n,) standardised prior scores and likings, which are scaled to the deviation
    ``spread`` of the likings of the person whose taste is learnt.
    """
    telling = [pair for pair in others if len(pair[1]) >= FEWEST_PICTURES and np.ptp(pair[1]) > 0]
    if not telling:
        return None
    telling = sorted(telling, key=lambda pair: -len(pair[1]))[:MOST_RATERS]
    usual = np.array([trust.belief for trust in table.values()])
    usual = np.exp(usual - np.logaddexp.reduce(usual))
    shown, shares = TEMPER_OF_TRUSTS * np.stack([_evidence(table, *pair, spread) for pair in telling]), usual
    for _ in range(_STEPS):
        weights = np.log(shares) + shown
        weights = np.exp(weights - np.logaddexp.reduce(weights, axis=1)[:, None])
        shares = USUAL_RATERS * usual + weights.sum(axis=0)
        shares /= shares.sum()
    differ = np.array([trust.mean <= 0 for trust in table.values()])
    if shares[differ].sum() < LEAST:
        as_usual = LEAST * usual / usual[differ].sum()
        shares = np.where(differ, as_usual, (1 - LEAST) * shares / shares[~differ].sum())
    return tuple(np.log(shares).tolist())


def _evidence(table: Mapping[str, PriorTrust], scores: np.ndarray, liking: np.ndarray, spread: float) -> np.ndarray:
    """(t,) log evidence of one rater's likings under every trust, over all sizes of the noise."""
    if len(liking) > COMPARED_PICTURES:
        few = np.linspace(0, len(liking) - 1, COMPARED_PICTURES).astype(int)
        scores, liking = scores[few], liking[few]
    y = spread * (liking - liking.mean()) / max(float(liking.std()), 1e-9)
    candidates = [
        Hypothesis(-1, 0.0, noise, (trust.mean,), (trust.deviation,), belief)
        for trust in table.values()
        for noise, belief in NOISES.items()
    ]
    evidence, _ = fit_all(candidates, [], y, np.ones(len(y)), scores[:, None])
    evidence = evidence + [candidate.belief for candidate in candidates]
    marginal: np.ndarray = np.logaddexp.reduce(evidence.reshape(len(table), len(NOISES)), axis=1)
    return marginal
