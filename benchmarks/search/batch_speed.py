"""Times a batch of eight suggestions of a prompt space after 500 ratings.

python benchmarks/search/batch_speed.py
"""

from __future__ import annotations

import time

import numpy as np

from soart.benchmarks.common import command
from soart.prompts.rating_model.choice_functions import prior_draws
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.steering.search import Domain
from soart.prompts.steering.steering import Steering

BEFORE, COUNT = 500, 8


def batch(slots: int, options: int) -> None:
    """Print the seconds of a batch, and of the first one after a resume."""
    rng, domain = np.random.default_rng(0), Domain.of((options,) * slots)
    theta = Layout(slots, ()).unpack(np.log([1.0, 1.0, 0.5, *[0.1] * slots]))
    truth = prior_draws(rng, 1, domain.levels, theta, 0.0)
    steering = Steering(domain)
    shown = domain.random(rng, BEFORE - COUNT)
    steering.tell(shown, truth(shown)[0] + 0.5 * rng.standard_normal(len(shown)))
    spent, worked = [], []
    for _ in range(6):
        begun, work = time.perf_counter(), time.process_time()
        asked = steering.ask(COUNT, rng)
        spent.append(time.perf_counter() - begun)
        worked.append(time.process_time() - work)
        steering.tell(asked, truth(asked)[0] + 0.5 * rng.standard_normal(COUNT))
    print(
        f"A batch of {COUNT} after {BEFORE} ratings, {slots} slots × {options} options: {np.median(spent[1:]):.2f} s, "
        f"{np.median(worked[1:]):.2f} s of CPU time (medians of 5); the first after a resume {spent[0]:.2f} s and {worked[0]:.2f} s"
    )


if __name__ == "__main__":
    command(__doc__).parse_args()
    batch(10, 10)
    # 10¹² choices.
    batch(12, 10)
