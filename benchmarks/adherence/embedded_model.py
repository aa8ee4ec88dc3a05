"""Measures adherence on the embedded model: is a phrase shown, and does P(shown) mean what it says?

Pictures are drawn at few steps and low guidance, so that a good share fails. An independent classifier, trained on
rendered pictures alone, says what they show. Scenes, wordings and seeds are others than those of the training and the
calibration. Intervals are 95 % by bootstrap over pictures.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import ROOT, bootstrap, command
from soart.benchmarks.data.drawing import drawn
from soart.pipelines.judges.adherence import AdherenceJudge, load
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.training.judge import JUDGED, load_judge
from soart.training.towers import POOR_GUIDANCE, POOR_STEPS, poor_pictures, words_of

JUDGE = ROOT / "tests" / "assets" / "judge.safetensors"
#: Seeds of the reported pictures; the calibration has 1, the training 1,000 and more.
SEED, BEST_SEED = 79, 80
#: Width and height of all pictures here.
SIZE = (128, 128)
BINS = 10


def calibration_error(probability: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal counts."""
    order = np.argsort(probability)
    parts = np.array_split(order, BINS)
    return float(sum(len(p) * abs(probability[p].mean() - truth[p].mean()) for p in parts if len(p)) / len(order))


def auc(values: np.ndarray, truth: np.ndarray) -> float:
    """AUC; NaN if all or none are true."""
    return float(roc_auc_score(truth, values)) if 0 < truth.sum() < len(truth) else float("nan")


def line(name: str, found: tuple[float, float, float], bar: str) -> None:
    """Print a figure with its interval and its bar."""
    print(f"{name:34} {found[0]:6.3f}  ({found[1]:.3f} … {found[2]:.3f})  bar {bar}")


def items_of(adherence: AdherenceJudge, pictures: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Items (p,) of each picture, by the version of the towers."""
    [towers] = adherence.sources
    return [{towers.version: item} for item in towers.extractor.extract(pictures)]


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, n=700, best_of=180).parse_args()
    judge = load_judge(JUDGE)
    # The towers alone, which know all words of the embedded model.
    adherence = AdherenceJudge(load("embedded").sources[:1])
    prompts, scenes, pictures = poor_pictures(arguments.n, SEED)
    seen = judge.recognise(pictures)
    started = time.perf_counter()
    items = items_of(adherence, pictures)
    judged = [adherence.adherence(prompt, SIZE, item) for item, prompt in zip(items, prompts, strict=True)]
    seconds = time.perf_counter() - started
    print(
        f"{arguments.n} pictures at {POOR_STEPS} steps and guidance {POOR_GUIDANCE}; {1000 * seconds / arguments.n:.1f} ms each"
    )
    everything = np.ones(arguments.n, bool)
    for factor in JUDGED:
        truth = np.array([answer[factor] == getattr(scene, factor) for answer, scene in zip(seen, scenes, strict=True)])
        p = np.array([next(j.shown for j in a.phrases if j.phrase.kind == factor) for a in judged])
        everything &= truth
        print(f"{factor}: shown in {truth.mean():.0%}")
        bar = "0.90" if factor != "quality" else "–"
        line("  AUC of shown", bootstrap(lambda i, p=p, t=truth: auc(p[i], t[i]), len(p)), bar)
        line("  calibration error", bootstrap(lambda i, p=p, t=truth: calibration_error(p[i], t[i]), len(p)), "0.050")
    value = np.array([a.value for a in judged])
    print(f"whole prompt: shown in {everything.mean():.0%}")
    line("  AUC of all shown", bootstrap(lambda i: auc(value[i], everything[i]), len(value)), "–")
    line("  calibration error", bootstrap(lambda i: calibration_error(value[i], everything[i]), len(value)), "0.050")
    swapped(adherence, items, seen)
    if arguments.best_of:
        best_of_four(adherence, judge, arguments.best_of)


def swapped(adherence, items, seen) -> None:  # noqa: ANN001
    """The prompt that is right by the classifier against the same with one word swapped."""
    rng = np.random.default_rng(5)
    for factor in JUDGED[:3]:
        wins = []
        for item, answer in zip(items, seen, strict=True):
            words = {name: rng.choice(words_of(name)[answer[name]]) for name in JUDGED[:3]}
            other = rng.choice([option for option in words_of(factor) if option != answer[factor]])
            wrong = {**words, factor: rng.choice(words_of(factor)[other])}
            right, changed = (adherence.adherence(", ".join(w.values()), SIZE, item).value for w in (words, wrong))
            wins.append(right > changed)
        found = np.array(wins)
        line(f"right above swapped {factor}", bootstrap(lambda i, w=found: float(w[i].mean()), len(found)), "0.950")


def best_of_four(adherence, judge, count: int) -> None:  # noqa: ANN001
    """Share of recognised subjects, palettes and styles: the mean of four seeds, and the best of four by adherence."""
    generator = ImageGenerator(load_model(device="cpu"), batch_size=32)
    rng = np.random.default_rng(BEST_SEED)
    scenes = [{name: str(rng.choice(list(words_of(name)))) for name in JUDGED[:3]} for _ in range(count)]
    prompts = [", ".join(str(rng.choice(words_of(name)[option])) for name, option in s.items()) for s in scenes]
    steps = np.array([POOR_STEPS[k % 3] for k in range(count)])
    requests = [
        generator.request(prompt, 900_000 + 4 * k + i, steps=int(steps[k]), guidance=POOR_GUIDANCE[k // 3 % 3])
        for k, prompt in enumerate(prompts)
        for i in range(4)
    ]
    pictures = drawn(generator, requests)
    items, seen = items_of(adherence, pictures), judge.recognise(pictures)
    share = np.array([np.mean([seen[i][n] == scenes[i // 4][n] for n in JUDGED[:3]]) for i in range(len(pictures))])
    value = np.array([adherence.adherence(prompts[i // 4], SIZE, item).value for i, item in enumerate(items)]).reshape(
        -1, 4
    )
    share = share.reshape(-1, 4)
    best = share[np.arange(count), value.argmax(axis=1)]
    mean = share.mean(axis=1)
    print(f"best of four: recognised in any of four {mean.mean():.3f}, in the best by adherence {best.mean():.3f}, "
          f"if the classifier chose {share.max(axis=1).mean():.3f}")  # fmt: skip
    line("  gain of the best of four", bootstrap(lambda i: float((best[i] - mean[i]).mean()), count), "above 0")


if __name__ == "__main__":
    main()
