"""A small classifier of subjects, palette, style, quality, setting and weather, to judge the model.

    python -m soart.training.judge --out tests/assets/judge.safetensors

It is trained on rendered pictures alone, plain and painted ones, never on generated ones. So the options that it
recognises in a generated picture come from the words of the prompt. Of two subjects it names the left and the right one;
that there is no second one, no setting or no weather are options too. ``benchmarks/adherence/recognition.py`` measures with
it. The teacher of ``towers`` is trained in the same way, from another seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..pipelines.tiny.words import FACTORS, PALETTES, QUALITIES, SETTINGS, STYLES, SUBJECTS, WEATHERS
from .captions import Scene
from .light import examples, halved
from .render import SIZE

#: Factors that every picture shows; framing is left out because its borders are a matter of taste.
JUDGED = ("subject", "palette", "style", "quality")
#: All that the judge classifies, with its options; the empty one means that there is none.
CLASSES: dict[str, tuple[str, ...]] = {
    **{name: tuple(FACTORS[name]) for name in JUDGED},
    "second": ("", *SUBJECTS),
    "setting": ("", *SETTINGS),
    "weather": ("", *WEATHERS),
}
#: Seed of its series, and pictures to learn from and to test on.
SEED, COUNT, TEST = 9_090, 14_000, 500
#: Recognition rates that the embedded model must reach.
BARS = {
    "subject": 0.80,
    "palette": 0.85,
    "style": 0.70,
    "quality": 0.75,
    "second": 0.60,
    "setting": 0.75,
    "weather": 0.75,
}
_BATCH = 64


class Judge(nn.Module):
    """Maps (n, 3, h, w) pictures in −1…1, which it sees at 64×64, to logits for every factor."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 48, 64, 96)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 3, stride=1 if before == 3 else 2, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.2))
        self.heads = nn.ModuleDict({name: nn.Linear(96 * 16, len(options)) for name, options in CLASSES.items()})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """(n, options) logits by factor."""
        features = self.body(reduced(pictures))
        return {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def recognise(self, pixels: np.ndarray) -> list[dict[str, str]]:
        """The most likely option of every factor for (n, h, w, 3) uint8 pictures."""
        self.eval()
        logits = self(to_tensor(pixels))
        best = {name: values.argmax(dim=1).tolist() for name, values in logits.items()}
        return [{name: options[best[name][i]] for name, options in CLASSES.items()} for i in range(len(pixels))]


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """(n, h, w, 3) uint8 to (n, 3, h, w) float32 in −1…1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def reduced(pictures: torch.Tensor) -> torch.Tensor:
    """Means of (n, 3, h, w) pictures at 64×64."""
    return nn.functional.interpolate(pictures, (SIZE, SIZE), mode="area")


def load_judge(path: Path) -> Judge:
    """A trained judge from safetensors."""
    judge = Judge()
    judge.load_state_dict(load_file(path))
    return judge.eval()


def save_judge(judge: Judge, path: Path) -> None:
    """Write a trained judge to safetensors."""
    save_file({k: v.contiguous() for k, v in judge.state_dict().items()}, path)


def train_judge(series: Iterable[tuple[Scene, np.ndarray, np.ndarray]], epochs: int = 6, seed: int = SEED) -> Judge:
    """Train on the plain and painted pictures of a series but for the last ``TEST``; prints accuracy on these."""
    scenes, seen = [], []
    for scene, plain, painted in series:
        scenes += [scene, scene]
        seen += [plain, halved(painted)]
    pictures, count = np.stack(seen), len(scenes) - 2 * TEST
    labels = {n: torch.tensor([options.index(getattr(s, n)) for s in scenes]) for n, options in CLASSES.items()}
    torch.manual_seed(seed)
    judge = Judge()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.02)
    steps = epochs * (count // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    order = np.random.default_rng(seed)
    for epoch in range(epochs):
        judge.train()
        started = time.perf_counter()
        for indices in order.permutation(count)[: count // _BATCH * _BATCH].reshape(-1, _BATCH):
            logits = judge(to_tensor(pictures[indices]))
            loss = sum(
                (nn.functional.cross_entropy(logits[name], labels[name][indices]) for name in CLASSES), torch.zeros(())
            )
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        reached = rates(scenes[count:], judge.recognise(pictures[count:]))
        print(
            f"epoch {epoch + 1}/{epochs} {time.perf_counter() - started:.0f} s, rendered test pictures: {reached}",
            flush=True,
        )
    return judge


def rates(scenes: Sequence[Scene], answers: Sequence[dict[str, str]]) -> dict[str, float]:
    """Share of pictures in which each factor was recognised."""
    pairs = list(zip(scenes, answers, strict=True))
    return {n: float(np.mean([answer[n] == getattr(scene, n) for scene, answer in pairs])) for n in CLASSES}


def plain_prompt(scene: Scene, order: int = 0) -> str:
    """The scene in plain words, in one of three word orders."""
    words = {n: FACTORS[n][getattr(scene, n)][0] for n in JUDGED}
    second = f"and a {SUBJECTS[scene.second][0]}" if scene.second else ""
    around = (FACTORS[n][getattr(scene, n)][0] for n in ("setting", "weather") if getattr(scene, n))
    words["subject"] = " ".join(w for w in (words["subject"], second, *around) if w)
    return (
        "a {quality} picture of a {subject} in {palette}, {style}",
        "{style}, {palette}, {quality} {subject}",
        "{subject}, {quality}, {style}, {palette}",
    )[order].format(**words)


def balanced_scenes(count: int, seed: int = 0, *, surrounded: bool = False, paired: bool = False) -> list[Scene]:
    """Scenes in which every option of every factor occurs about equally often.

    They have one subject alone, but for those ``surrounded`` by a setting, by weather, or by both, and those ``paired``.
    """
    rng = np.random.default_rng(seed)
    columns = [rng.permutation(np.resize(list(o), count)) for o in (SUBJECTS, PALETTES, STYLES, QUALITIES)]
    scenes = [Scene(*(str(v) for v in values)) for values in zip(*columns, strict=True)]
    if surrounded:
        both = [(s, w) for s in ("", *SETTINGS) for w in ("", *WEATHERS) if s or w]
        around = rng.permutation(np.resize(np.array(both), (count, 2)))
        scenes = [replace(scene, setting=str(s), weather=str(w)) for scene, (s, w) in zip(scenes, around, strict=True)]
    if paired:
        names = list(SUBJECTS)
        moves = rng.permutation(np.resize(np.arange(1, len(names)), count))
        seconds = [
            names[(names.index(s.subject) + int(move)) % len(names)] for s, move in zip(scenes, moves, strict=True)
        ]
        scenes = [replace(scene, second=second) for scene, second in zip(scenes, seconds, strict=True)]
    return scenes


def main() -> None:
    """Train the judge from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    judge = train_judge(examples(SEED, COUNT + TEST))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    save_judge(judge, arguments.out)


if __name__ == "__main__":
    main()
