"""Draws the comparison tables of docs/method.md.

The pictures are those of one split of the few-shot benchmark.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from soart.benchmarks.common import ROOT, command
from soart.benchmarks.score.fewshot import SEED, measure, split
from soart.metrics.attention.comparison import compare
from soart.metrics.attention.version_d import AttentionD
from soart.metrics.attention.versions_abc import AttentionA, AttentionB, AttentionC
from soart.metrics.items.soart import SoartExtractor, heads_of

SHOWN = 15


def main() -> None:
    """Fit the versions, write two figures, and print the lop-sidedness of every pair."""
    arguments = command(__doc__, cache=True).parse_args()
    data = measure(arguments.cache)
    rng = np.random.default_rng([SEED, 0])
    learn, test = split(data, rng)
    test = np.concatenate([rng.choice(test[data.mode[test] == m], SHOWN, replace=False) for m in np.unique(data.mode)])
    y2, y3 = (np.array([name.endswith(metric) for name in SoartExtractor().names]) for metric in ("Y2", "Y3"))
    x, modes = data.items["SOART"][learn], data.mode[learn]
    models = {
        "A": AttentionA().fit(x[:, y2], modes, x[:, y3]),
        "B": AttentionB("normal").fit(x[:, y2], modes),
        "C": AttentionC().fit(x[:, y2], modes),
        "D": AttentionD(heads=heads_of(np.array(SoartExtractor().names)[y2])).fit(x[:, y2], modes, data.source[learn]),
    }
    measured = data.items["SOART"][test][:, y2]
    for first, second in combinations(models, 2):
        tables = compare(models[first], models[second], measured, data.mode[test].tolist())
        print(f"{second} − {first}: lop-sidedness {tables.lopsidedness:.2f}")
        if first + second in ("AB", "BD"):
            tables.figure().savefig(ROOT / "docs" / f"attention-{first.lower()}{second.lower()}.png", dpi=80)


if __name__ == "__main__":
    main()
