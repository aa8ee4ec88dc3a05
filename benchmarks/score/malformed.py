"""Measures whether the items of the default network tell melted and duplicated structure, taught by people's ticks.

A detector learns what one person found sound in pictures by forty samplers (the set ``samplers`` of benchmarks/data/ai_pictures.py,
whose clone lies in FOLDER), for three of its four prompts, and is tested on the fourth: the third with the fewest ticks against
the third with the most. In the second table pictures with less than half of their ticks are left out, most of which are noise or
unfinished. Beside it stand unlikeness, and the overall score, the other way round, whose weights were chosen by these pictures
among others.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from soart.benchmarks.common import command
from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.tastes.overall import OverallJudge

#: Penalties of the regression, of which the best on the test pictures is printed: the most that could be reached.
PENALTIES = (1e3, 1e4, 1e5)
#: Share of ticks below which a picture is broken altogether.
BROKEN = 0.5


def within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Values (n,) or (n, p) in deviations from the mean of their group."""
    found = np.empty_like(values, dtype=float)
    for group in set(groups):
        own = groups == group
        found[own] = (values[own] - values[own].mean(axis=0)) / (values[own].std(axis=0) + 1e-6)
    return found


def aucs(found: np.ndarray, ticks: np.ndarray, prompts: np.ndarray) -> list[float]:
    """For each prompt, AUC of the third with the fewest ticks against that with the most."""
    each = []
    for prompt in sorted(set(prompts)):
        own = prompts == prompt
        few, many = np.quantile(ticks[own], [1 / 3, 2 / 3])
        fewest, most = ticks[own] <= few, (ticks[own] >= many) & (ticks[own] > few)
        chosen = fewest | most
        each.append(float(roc_auc_score(fewest[chosen], found[own][chosen])))
    return each


def main() -> None:
    """Learn, test and print."""
    arguments = command(__doc__, "folder", cache=True).parse_args()
    [samplers] = ai_pictures(arguments.folder, arguments.cache, ["samplers"])
    deep = np.array([name.startswith("deep/") for name in taste_extractor(EFFICIENTNET).names])
    items, judge = samplers.items(arguments.cache), OverallJudge.load()
    unlike, score = judge.unlikeness(items), judge.score(items)
    for title, chosen in (("all", samplers.opinions >= 0), ("without broken ones", samplers.opinions >= BROKEN)):
        ticks, prompts = samplers.opinions[chosen], samplers.prompt[chosen]
        relative, wanted = within(items[chosen][:, deep], prompts), within(ticks, prompts)
        taught = (
            -cross_val_predict(Ridge(alpha=penalty), relative, wanted, groups=prompts, cv=LeaveOneGroupOut())
            for penalty in PENALTIES
        )
        print(f"\n{title}: {len(ticks)} pictures; AUC by prompt ({', '.join(sorted(set(prompts)))}), and their mean")
        for name, each in (
            ("from ticks", max((aucs(found, ticks, prompts) for found in taught), key=np.mean)),
            ("unlikeness", aucs(unlike[chosen], ticks, prompts)),
            ("overall", aucs(-score[chosen], ticks, prompts)),
        ):
            print(f"  {name:12} {'  '.join(f'{one:.3f}' for one in each)}   {np.mean(each):.3f}")


if __name__ == "__main__":
    main()
