"""The best twenty of planted folders in which one prompt or look is a fifth of all: how many are of it, and what that costs.

Values of 600 pictures are standard normal; those of the planted kind are better by a *lead*, in the same unit. Costs are how much
the mean value of the best twenty falls, in standard deviations of all values of the folder. Then the choice among 50,000 pictures
is timed.
"""

from __future__ import annotations

import time

import numpy as np

from soart.benchmarks.common import command
from soart.metrics.items.combined import taste_extractor
from soart.metrics.similarity.diversity import LOOKED, Seen, choose_varied

SEED, PICTURES, BEST, MANY = 23, 600, 20, 50_000
LEADS = (0.0, 0.5, 1.0, 2.0, 4.0, 9.0)


def planted(lead: float, sign: str, rng: np.random.Generator) -> tuple[int, int, float]:
    """Numbers of the planted kind among the first twenty and the chosen ones, and what the choice costs."""
    kind = np.arange(PICTURES) < PICTURES // 5
    values, looks = rng.normal(size=PICTURES) + lead * kind, rng.normal(size=(PICTURES, 40))
    if sign == "look":
        looks[kind] = looks[0] + 0.01 * rng.normal(size=(kind.sum(), 40))
    order = np.argsort(-values)
    kind, values = kind[order], values[order]
    prompts = np.where(kind & (sign == "prompt"), 0, -1)
    rows = [*choose_varied(values, Seen(prompts, np.zeros(PICTURES, np.uint64), looks[order]), BEST)]
    return (
        int(kind[:BEST].sum()),
        int(kind[rows].sum()),
        float((values[:BEST].mean() - values[rows].mean()) / values.std()),
    )


def main() -> None:
    """Print the tables."""
    arguments = command(__doc__, folders=40).parse_args()
    for sign in ("prompt", "look"):
        for lead in LEADS:
            found = np.array([planted(lead, sign, np.random.default_rng([SEED, n])) for n in range(arguments.folders)])
            first, chosen, cost = found.mean(axis=0)
            print(f"one {sign}, lead {lead:g}: {first:.1f} of the first {BEST}, {chosen:.2f} (at most {found[:, 1].max():.0f}) of "
                  f"the best, which cost {cost:.2f} (at most {found[:, 2].max():.2f})")  # fmt: skip
    rng = np.random.default_rng(SEED)
    seen = Seen(
        rng.integers(0, 500, MANY), rng.integers(1, 2**63, MANY).astype(np.uint64),
        rng.normal(size=(LOOKED, len(taste_extractor().names))).astype(np.float32),
    )  # fmt: skip
    values, started = np.sort(rng.normal(size=MANY))[::-1], time.process_time()
    choose_varied(values, seen, BEST)
    print(f"{BEST} of {MANY:,}: {time.process_time() - started:.2f} s of CPU")


if __name__ == "__main__":
    main()
