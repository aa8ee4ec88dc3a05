"""Measures the CPU seconds of 150 trials with SoartSampler, and with Optuna's own samplers.

The studies have noisy values: "mixed" has six categories of four, a number and a whole number, "words" eight categories of
six, and "numbers" five numbers. Seconds are of the whole study, of which the functions take next to nothing. The digest tells
whether two versions suggest the same: it is that of all parameters of all seeds.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import optuna

from soart.benchmarks.common import command, key_of, names_among
from soart.benchmarks.search.functions import SAMPLERS

WORDS = np.random.default_rng(84).standard_normal((8, 6))


def mixed(trial: optuna.Trial) -> float:
    """Six categories, of which the later ones matter less, and two numbers with a best value each."""
    values = [WORDS[slot][trial.suggest_categorical(f"word {slot}", [*range(4)])] / (1 + slot) for slot in range(6)]
    strength, steps = trial.suggest_float("strength", 0, 1), trial.suggest_int("steps", 1, 30)
    return float(sum(values)) - 4 * (strength - 0.3) ** 2 - abs(steps - 12) / 10


def words(trial: optuna.Trial) -> float:
    """Eight categories."""
    return float(sum(WORDS[slot][trial.suggest_categorical(f"word {slot}", [*range(6)])] for slot in range(8)))


def numbers(trial: optuna.Trial) -> float:
    """Five numbers with a best value each."""
    return -sum((trial.suggest_float(f"number {k}", -5, 5) - k + 2) ** 2 for k in range(5)) / 10


STUDIES = {"mixed": mixed, "words": words, "numbers": numbers}
#: Deviation of the noise of values.
NOISE = 0.3


def run(study_name: str, sampler: str, seed: int, trials: int) -> tuple[float, list[dict[str, object]]]:
    """CPU seconds of a study, and the parameters of its trials."""

    def objective(trial: optuna.Trial) -> float:
        noise = np.random.default_rng([85, seed, trial.number]).standard_normal()
        return STUDIES[study_name](trial) + NOISE * float(noise)

    study = optuna.create_study(direction="maximize", sampler=SAMPLERS[sampler](seed))
    begun = time.process_time()
    study.optimize(objective, n_trials=trials)
    return time.process_time() - begun, [trial.params for trial in study.trials]


def main() -> None:
    """Print a table."""
    parser = command(__doc__, trials=150, seeds=3)
    parser.add_argument("--studies", type=names_among([*STUDIES]), default=",".join(STUDIES))
    parser.add_argument("--samplers", type=names_among([*SAMPLERS]), default="soart,optuna-gp,tpe")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"| {arguments.trials} trials | sampler | CPU seconds of each seed | mean | digest |\n|---|---|---|---|---|")
    for name in arguments.studies:
        for sampler in arguments.samplers:
            runs = [run(name, sampler, seed, arguments.trials) for seed in range(arguments.seeds)]
            seconds = [spent for spent, _ in runs]
            each = ", ".join(f"{spent:.1f}" for spent in seconds)
            digest = key_of(repr([params for _, params in runs]))
            print(f"| {name} | {sampler} | {each} | {np.mean(seconds):.1f} | {digest} |", flush=True)


if __name__ == "__main__":
    main()
