"""Tastes with known truth, for benchmarks/taste/taste.py.

The embedded model draws the pictures from scenes that the learner never sees. A taste likes some scenes and dislikes
others, and a picture's label depends only on the scene in its prompt. The model draws the scene correctly in about four
of five pictures, so the labels are as noisy as a real taste.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soart.benchmarks.data.drawing import drawn_once
from soart.pipelines.tiny.words import FACTORS
from soart.training.captions import Scene, random_scene
from soart.training.judge import balanced_scenes

SEED = 40_404
#: Number of pictures of any scene, and of further ones that each taste likes.
ANY, LIKED = 480, 90


@dataclass(frozen=True)
class Taste:
    """Liked and disliked scenes; scenes that are neither are left out."""

    name: str  # in words, for the tables
    likes: tuple[tuple[str, str], ...]  # options of factors; a liked scene has all of them
    dislikes: tuple[tuple[str, str], ...]  # options of factors; one of them makes a scene disliked
    development: bool = False  # True if the method was tuned on it; figures are reported for the others
    #: True if one of the liked options is enough and every other scene is disliked, which is harder to learn.
    either: bool = False

    def label(self, scene: Scene) -> int:
        """1 liked, −1 disliked, 0 neither."""
        if any(getattr(scene, factor) == option for factor, option in self.dislikes):
            return -1
        if self.either:
            return 1 if any(getattr(scene, factor) == option for factor, option in self.likes) else -1
        return int(all(getattr(scene, factor) == option for factor, option in self.likes))


TASTES = (
    Taste("cool watercolor, not blurry", (("palette", "cool"), ("style", "watercolor")), (("quality", "blurry"),), True),
    Taste("warm woodcut, not faded", (("palette", "warm"), ("style", "woodcut")), (("quality", "faded"),), True),
    Taste("neon, not pastel or sketch", (("palette", "neon"),), (("palette", "pastel"), ("style", "sketch")), True),
    Taste("cool watercolor, not noisy", (("palette", "cool"), ("style", "watercolor")), (("quality", "noisy"),)),
    Taste("pastel flat, not vivid", (("palette", "pastel"), ("style", "flat")), (("quality", "vivid"),)),
    Taste("earthy pointillism, not blurry", (("palette", "earthy"), ("style", "pointillism")), (("quality", "blurry"),)),
    Taste("monochrome sketch, not noisy", (("palette", "monochrome"), ("style", "sketch")), (("quality", "noisy"),)),
    Taste("warm, not cool or pixel", (("palette", "warm"),), (("palette", "cool"), ("style", "pixel"))),
    Taste("faded watercolor, not sharp", (("quality", "faded"), ("style", "watercolor")), (("quality", "sharp"),)),
)  # fmt: skip

EITHER = (
    Taste("earthy or pixel, not vivid", (("palette", "earthy"), ("style", "pixel")), (("quality", "vivid"),), either=True),
    Taste("pastel or pointillism, not noisy", (("palette", "pastel"), ("style", "pointillism")), (("quality", "noisy"),), either=True),
    Taste("flat or monochrome, not blurry", (("style", "flat"), ("palette", "monochrome")), (("quality", "blurry"),), either=True),
)  # fmt: skip


def _scenes() -> list[Scene]:
    scenes = balanced_scenes(ANY, SEED)
    rng = np.random.default_rng(SEED)
    for taste in TASTES:
        found = 0
        while found < LIKED:
            scene = random_scene(rng)
            values = {name: getattr(scene, name) for name in FACTORS} | dict(taste.likes)
            scene = Scene(**values)
            if taste.label(scene) == 1:
                scenes.append(scene)
                found += 1
    return scenes


def drawn(cache: Path) -> tuple[list[Scene], np.ndarray]:
    """Scenes and their (n, 64, 64, 3) uint8 pictures."""
    scenes = _scenes()
    return scenes, drawn_once("planted", scenes, SEED, cache)
