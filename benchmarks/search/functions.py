"""Measures SoartSampler on numerical functions, against Optuna's own samplers.

Branin and Hartmann 6 are the usual test functions; "ackley" is Ackley's function of three numbers whose centre depends on
a category of four. All are minimised without noise. Quality is the regret: the best value of the first 20, 40 and 60
trials less the minimum. Tables give the mean of log₁₀ of regrets, at least 10⁻⁶, ± half of the 90 % interval.

"loras" has a parameter that depends on another, as prompts have: two categories, a number, and a LoRA (none or one of two)
whose weight exists only where the LoRA is in. Each seed has its own effects, the same for all samplers.

"svm" and "forest" are real tunings: a support vector machine and a random forest on 600 of scikit-learn's digits. Their
minimum is not known, so tables give the best cross-validated error in percent. Each seed has its own digits and folds,
the same for all samplers. Every run is cached, so the benchmark resumes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from soart.benchmarks.common import cells, command, names_among, stored_json
from soart.plugin.optuna import SoartSampler

PLAN = (20, 40, 60)
#: Raise it when a change makes cached runs of the sampler out of date.
VERSIONS = {"soart": 3}
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "soart": lambda seed: SoartSampler(seed=seed),
    "optuna-gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


def branin(trial: optuna.Trial) -> float:
    """Branin's function less its minimum."""
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    curve = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return float(curve**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10 - 0.39788735772973816)


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(trial: optuna.Trial) -> float:
    """Hartmann's function of six numbers less its minimum."""
    x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(6)])
    return float(3.322368011391339 - _ALPHA @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


def ackley(trial: optuna.Trial) -> float:
    """Ackley's function of three numbers, its centre and a penalty by category."""
    kind = trial.suggest_categorical("kind", ["a", "b", "c", "d"])
    centre, penalty = {"a": (0.137, 0.0), "b": (-0.41, 0.5), "c": (0.52, 1.0), "d": (-0.73, 1.5)}[kind]
    x = np.array([trial.suggest_float(f"x{i}", -2, 2) for i in range(3)]) - centre
    value = -20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - np.exp(np.cos(2 * np.pi * x).mean()) + 20 + np.e
    return float(max(value, 0.0) + penalty)


def loras(seed: int, trial: optuna.Trial) -> float:
    """A made-up taste of a style, a palette, guidance and a LoRA with its weight, less its best; smaller is better."""
    rng = np.random.default_rng([82, seed])
    style, palette, guidance = rng.standard_normal(5), rng.standard_normal(4), rng.uniform(2, 6)
    best = {name: (rng.uniform(0.2, 1.1), rng.uniform(-0.5, 1.5)) for name in ("ink", "snow")}
    value = style[trial.suggest_categorical("style", [*range(5)])]
    value += palette[trial.suggest_categorical("palette", [*range(4)])]
    value -= 0.3 * abs(trial.suggest_float("guidance", 1.5, 7) - guidance)
    lora = trial.suggest_categorical("lora", ["none", *best])
    if lora != "none":
        weight, gain = best[lora]
        value += gain - 3 * (trial.suggest_float(f"weight of {lora}", 0, 1.2) - weight) ** 2
    most = max(0.0, *(gain for _, gain in best.values()))
    return float(style.max() + palette.max() + most - value)


FUNCTIONS = {"branin": branin, "hartmann": hartmann, "ackley": ackley}
#: Digits of a tuning, and parts that each take their turn as the test part.
DIGITS, FOLDS = 600, 3


def svm(trial: optuna.Trial) -> Any:  # noqa: ANN401
    """A support vector machine: two numbers on logarithmic scales, a category and a whole number."""
    from sklearn.svm import SVC

    return SVC(
        C=trial.suggest_float("C", 1e-2, 1e3, log=True),
        gamma=trial.suggest_float("gamma", 1e-6, 1e-1, log=True),
        kernel=trial.suggest_categorical("kernel", ["rbf", "poly", "sigmoid"]),
        degree=trial.suggest_int("degree", 2, 5),
    )


def forest(trial: optuna.Trial) -> Any:  # noqa: ANN401
    """A random forest: three whole numbers, a share and a category."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=trial.suggest_int("n_estimators", 5, 40),
        max_depth=trial.suggest_int("max_depth", 2, 20),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 1, 20),
        max_features=trial.suggest_float("max_features", 0.02, 1.0),
        criterion=trial.suggest_categorical("criterion", ["gini", "entropy"]),
        random_state=0,
    )


TUNINGS = {"svm": svm, "forest": forest}
#: Functions that differ by seed.
SEEDED = {"loras": loras}


def error(name: str, seed: int, trial: optuna.Trial) -> float:
    """Cross-validated error of a learner on the digits of ``seed``, in percent."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    values, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng([80, seed]).permutation(len(labels))[:DIGITS]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    right = cross_val_score(TUNINGS[name](trial), values[chosen], labels[chosen], cv=folds, n_jobs=1)
    return 100 * (1 - float(right.mean()))


def cached(name: str, sampler: str, seed: int, trials: int, folder: Path) -> dict[str, float | list[float]]:
    """Regrets or errors at the planned numbers of trials, and seconds, from the cache or a new run."""
    path = folder / f"{name}-{sampler}-v{VERSIONS.get(sampler, 1)}-{trials}-{seed}.json"

    def run() -> dict[str, float | list[float]]:
        study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
        begun = time.perf_counter()
        seeded = partial(SEEDED[name], seed) if name in SEEDED else partial(error, name, seed)
        study.optimize(FUNCTIONS.get(name, seeded), n_trials=trials)
        best = np.minimum.accumulate([trial.value for trial in study.trials])
        regrets = [float(best[size - 1]) for size in PLAN if size <= trials]
        return {"regret": regrets, "seconds": time.perf_counter() - begun}

    found: dict[str, float | list[float]] = stored_json(path, run)
    return found


def main() -> None:
    """Run what the cache lacks and print a table for each function."""
    parser = command(__doc__, cache=True, seeds=20)
    parser.add_argument("--trials", type=int, default=PLAN[-1], choices=PLAN)
    every = [*FUNCTIONS, *SEEDED, *TUNINGS]
    parser.add_argument("--functions", type=names_among(every), default=every)
    parser.add_argument("--samplers", type=names_among([*SAMPLERS]), default=[*SAMPLERS])
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in arguments.functions:
        sizes = [size for size in PLAN if size <= arguments.trials]
        quality = "best cross-validated error in percent" if name in TUNINGS else "mean log10 of the regret"
        print(f"\n{name}: {quality} ± half of the 90 % interval over {arguments.seeds} seeds")
        print(f"{'sampler':12}" + "".join(f"{size:>16}" for size in sizes) + f"{'s a trial':>10}")
        results = {}
        for sampler in arguments.samplers:
            folder = arguments.cache / "functions"
            runs = [cached(name, sampler, seed, arguments.trials, folder) for seed in range(arguments.seeds)]
            values = np.array([run["regret"] for run in runs])
            values = values if name in TUNINGS else np.log10(np.maximum(values, 1e-6))
            results[sampler] = values
            print(
                f"{sampler:12}{cells(values, '9.2f', 2)}{np.mean([run['seconds'] for run in runs]) / arguments.trials:10.2f}",
                flush=True,
            )
        if "soart" in results and len(results) > 1:
            print("soart − sampler, paired:")
        for sampler, values in results.items():
            if "soart" in results and sampler != "soart":
                print(f"{sampler:12}{cells(results['soart'] - values, '+9.2f', 2)}")


if __name__ == "__main__":
    main()
