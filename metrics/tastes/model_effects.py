"""Effects of models on places: pictures by a model whose pictures score higher here stand higher than their own score.

The logit of the score is taken as the sum of a model, its LoRAs, a prompt and a rest. Models and LoRAs are drawn towards
no effect by ``SHRINKAGE`` and ``LORA_SHRINKAGE`` pictures, models by more if they differ little more than luck would have it,
and prompts by one: a model is compared with others within the prompts that both drew, and a hundred pictures of a prompt
that no other model drew say as little as one. An effect counts ``1 + shared`` times, ``shared`` being the share of a model's
pictures whose prompt another model drew too: models that share no prompt may differ by their subjects alone.

Sources: Henderson, "Best linear unbiased estimation and prediction under a selection model", *Biometrics* 31 (1975);
variance between models after DerSimonian & Laird, *Controlled Clinical Trials* 7 (1986). The factor of 2 within prompts was
chosen on pictures by generators (docs/benchmarks/score.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

#: Pictures by which models and LoRAs are drawn towards no effect, and fewest pictures with either, and without a LoRA.
SHRINKAGE, LORA_SHRINKAGE, FEWEST, FEWEST_OF_LORA = 4.0, 16.0, 3, 8
#: Most models and most LoRAs that have an effect, those of most pictures; and the largest effect, in logits.
MOST, LARGEST = 400, 2.5
#: Points beyond which a score says no more of a model.
ENDS = 1.0, 99.0


@dataclass(frozen=True)
class Makes:
    """Models, LoRAs and prompts of n pictures; texts are empty where they are unknown."""

    models: list[str]
    loras: list[tuple[str, ...]]
    prompts: list[str]


@dataclass(frozen=True, slots=True)
class ModelEffect:
    """The effect of a model or a LoRA in logits of the score, from some pictures."""

    logits: float
    pictures: int
    shared: float = 1.0  # share of them whose prompt another model drew too, 0…1; 1 for a LoRA


@dataclass(frozen=True)
class ModelEffects:
    """Effects of models and of LoRAs by name; those without one are missing."""

    models: Mapping[str, ModelEffect] = field(default_factory=dict)
    loras: Mapping[str, ModelEffect] = field(default_factory=dict)

    def of(self, makes: Makes) -> np.ndarray:
        """(n,) effects on pictures in logits, 0 for none."""
        none = ModelEffect(0.0, 0)
        sums = [
            self.models.get(model, none).logits + sum(self.loras.get(name, none).logits for name in loras)
            for model, loras in zip(makes.models, makes.loras, strict=True)
        ]
        return np.clip(np.array(sums, dtype=np.float64), -LARGEST, LARGEST)


def in_points(scores: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(n,) points by which (n,) effects in logits move scores of 0 to 100, which stay within these; 0 without either."""
    with np.errstate(divide="ignore"):
        moved = 100 / (1 + (100 - scores) / scores * np.exp(-logits))
    return np.where((logits == 0) | np.isnan(scores), 0.0, moved - scores)


def model_effects(scores: np.ndarray, makes: Makes) -> ModelEffects:
    """The effects of the models and LoRAs of n pictures with (n,) scores of 0 to 100, NaN for those without one."""
    told = np.flatnonzero(np.isfinite(scores) & np.array([bool(model) for model in makes.models], dtype=bool))
    counts = Counter(makes.models[row] for row in told.tolist())
    models = [name for name, count in counts.most_common(MOST) if count >= FEWEST]
    number = {name: k for k, name in enumerate(models)}
    rows = [row for row in told.tolist() if makes.models[row] in number]
    used = Counter(name for row in rows for name in {*makes.loras[row]})
    loras = [name for name, n in used.most_common(MOST) if FEWEST_OF_LORA <= n <= len(rows) - FEWEST_OF_LORA]
    if len(models) < 2 and not loras:
        return ModelEffects()
    from scipy import sparse

    # Columns: the mean over all, models, LoRAs.
    column = {name: 1 + len(models) + k for k, name in enumerate(loras)}
    of_model = np.array([number[makes.models[row]] for row in rows])
    entries = [(k, column[name]) for k, row in enumerate(rows) for name in {*makes.loras[row]} if name in column]
    n, width = len(rows), 1 + len(models) + len(loras)
    at = [*range(n), *range(n), *(k for k, _ in entries)]
    to = [*([0] * n), *(1 + of_model), *(c for _, c in entries)]
    design = sparse.csr_matrix((np.ones(len(at)), (at, to)), (n, width))
    prompt, shared = _prompts([makes.prompts[row] for row in rows], of_model)
    size = np.bincount(prompt)
    drawn = sparse.csr_matrix((np.ones(n), (prompt, np.arange(n))), (len(size), n))
    y = np.clip(scores[rows], *ENDS)
    y = np.log(y / (100 - y))
    sums, weight = drawn @ design, sparse.diags(1 / (size + 1.0))
    within = y - (weight @ (drawn @ y))[prompt]
    left = (design.T @ design - sums.T @ weight @ sums).toarray()
    right = design.T @ y - sums.T @ (weight @ (drawn @ y))
    shrinkage = [max(SHRINKAGE, _luck(within, of_model))] * len(models) + [LORA_SHRINKAGE] * len(loras)
    left[range(1, width), range(1, width)] += shrinkage
    found = np.linalg.solve(left, right)
    of_models = np.bincount(of_model, shared) / np.bincount(of_model)
    return ModelEffects(
        {
            name: ModelEffect(round(float((1 + of_models[k]) * found[1 + k]), 3), counts[name], float(of_models[k]))
            for name, k in number.items()
            if len(models) > 1
        },
        {name: ModelEffect(round(float(found[k]), 3), used[name]) for name, k in column.items()},
    )


def means_by_model(values: np.ndarray, models: Sequence[str]) -> dict[str, float]:
    """Means of (n,) values less that of all, by model, drawn towards 0 as effects are; none where luck explains them."""
    counts = Counter(filter(None, models))
    rows = [k for k, model in enumerate(models) if counts[model] >= FEWEST and np.isfinite(values[k])]
    names = {model: k for k, model in enumerate(dict.fromkeys(models[row] for row in rows))}
    if len(names) < 2:
        return {}
    apart, of_model = values[rows] - values[rows].mean(), np.array([names[models[row]] for row in rows])
    means = np.bincount(of_model, apart) / (np.bincount(of_model) + max(SHRINKAGE, _luck(apart, of_model)))
    return {model: mean for model, mean in zip(names, means.round(9).tolist(), strict=True) if mean}


def _luck(values: np.ndarray, of_model: np.ndarray) -> float:
    """Variance of (n,) values within models over that between them beyond luck: the pictures by which to shrink means.

    Luck adds a chi-square of ``len(counts) − 1`` to the sum between; its mean and one deviation are taken off.
    """
    counts = np.bincount(of_model).astype(np.float64)
    means = np.bincount(of_model, values) / counts
    within = float(((values - means[of_model]) ** 2).sum() / max(1, len(values) - len(counts)))
    free = len(counts) - 1
    between = float((counts * (means - values.mean()) ** 2).sum()) - (free + np.sqrt(2 * free)) * within
    total = counts.sum() - (counts**2).sum() / counts.sum()
    return min(float(within * total / between), 1e12) if between > 0 else 1e12


def _prompts(texts: Sequence[str], of_model: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) numbers of prompts, an unknown one counting as another each time; True (n,) where several models drew it."""
    numbers: dict[str | int, int] = {}
    prompt = np.array([numbers.setdefault(text or k, len(numbers)) for k, text in enumerate(texts)], dtype=np.int64)
    pairs = np.unique(np.stack([prompt, of_model]), axis=1)
    return prompt, np.bincount(pairs[0])[prompt] > 1
