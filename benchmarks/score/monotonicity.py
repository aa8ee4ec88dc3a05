"""Measures the fall of scores with growing damage.

    python benchmarks/score/monotonicity.py [--cache DIR]

Every source is damaged in six ways at five severities. Printed is Kendall's rank correlation between severity
(undamaged = 0) and score, which is −1 if each step lowers the score: mean and 95 % interval over sources that the score
was not learnt from. Scores are the technical judge, and version D's probability of *normal*, learnt from other
sources at the severities of ``fewshot.py``.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import kendalltau

from soart.benchmarks.common import command, interval
from soart.benchmarks.data.damage import DAMAGES, damage
from soart.benchmarks.data.sources import crop, sources
from soart.benchmarks.score.fewshot import SEED, measure
from soart.metrics.attention.version_d import AttentionD
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.image import read_image
from soart.metrics.items.soart import SoartExtractor, heads_of

STEPS = np.linspace(0, 1, 6)
FOLDS = 4


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    arguments = parser.parse_args()
    data, extractor, technical = measure(arguments.cache), SoartExtractor(), TechnicalJudge.load()
    found = sources(arguments.cache)
    folds = np.random.default_rng(SEED).permutation(np.arange(len(found)) % FOLDS)
    taus: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in DAMAGES} for name in ("technical", "D")}
    for fold in range(FOLDS):
        kept = [source.name for source, part in zip(found, folds, strict=True) if part != fold]
        rows = np.flatnonzero(np.isin(data.source, kept))
        # Equally many of each mode.
        fewest = min(int((data.mode[rows] == m).sum()) for m in np.unique(data.mode))
        rng = np.random.default_rng([SEED, fold])
        rows = np.concatenate(
            [rng.choice(rows[data.mode[rows] == m], fewest, replace=False) for m in np.unique(data.mode)]
        )
        model = AttentionD(heads=heads_of(extractor.names)).fit(
            data.items["SOART"][rows], data.mode[rows], data.source[rows]
        )
        normal = model.classes_.tolist().index("normal")
        for number in np.flatnonzero(folds == fold):
            pixels = read_image(found[number].path).pixels
            clean = crop(pixels, np.random.default_rng([SEED, int(number), 7]))
            for kind in DAMAGES:
                # One random stream for all severities: the same noise, only stronger.
                steps = [damage(clean, kind, s, np.random.default_rng([SEED, int(number)])) for s in STEPS]
                stack = np.stack([(v * 255 + 0.5).astype(np.uint8) for v in (clean, *steps)])
                items = extractor.extract(stack)
                scores = {"technical": technical.score(items), "D": model.predict_proba(items)[:, normal]}
                for name, values in scores.items():
                    taus[name][kind].append(float(np.nan_to_num(kendalltau(np.arange(len(values)), values).statistic)))
    print(f"{len(found)} sources, undamaged and {len(STEPS)} severities; Kendall's τ, −1 is perfect")
    print(f"{'damage':10} " + " ".join(f"{name:>28}" for name in taus))
    for kind in DAMAGES:
        cells = [interval(np.array(taus[name][kind])) for name in taus]
        print(f"{kind:10} " + " ".join(f"{mean:+12.2f} {low:+6.2f} … {high:+6.2f}" for mean, low, high in cells))


if __name__ == "__main__":
    main()
