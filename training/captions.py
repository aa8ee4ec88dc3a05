"""Captions of rendered pictures, made of the words that the embedded model understands.

A ``Scene`` names the content of a picture; ``caption`` describes it in words, in one of several orders. Captions omit
words at random, so that the model also learns to draw without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pipelines.tiny.words import FACTORS

#: Probability that a caption omits a factor.
OMISSION_RATE = {"subject": 0.03, "palette": 0.12, "style": 0.12, "quality": 0.2, "framing": 0.5}
_FILLER = [
    "beautiful",
    "nice",
    "artwork",
    "image",
    "scene",
    "illustration",
    "style",
    "view",
    "morning",
    "evening",
    "summer",
    "winter",
    "story",
    "dream",
    "ancient",
    "tiny",
    "giant",
    "glowing",
    "calm",
    "trending",
    "studio",
    "award",
    "8k",
    "masterpiece",
    "lighting",
    "forest",
    "garden",
    "city",
    "sky",
    "snow",
    "rain",
    "portrait",
]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of one picture: one option per factor; ``framing`` may be ``"medium"``, which has no word."""

    subject: str
    palette: str
    style: str
    quality: str
    framing: str = "medium"


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene uniformly (framing: a quarter close, a quarter far, the rest medium)."""
    pick = {name: str(rng.choice(list(options))) for name, options in FACTORS.items() if name != "framing"}
    return Scene(**pick, framing=str(rng.choice(["close", "far", "medium", "medium"])))


def _filler(rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return str(rng.choice(_FILLER))
    return "".join(rng.choice(list(_LETTERS), size=rng.integers(3, 9)))


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Describe ``scene`` in words: random synonyms, order and omissions, and sometimes a meaningless word."""
    words = {}
    for name, options in FACTORS.items():
        value = getattr(scene, name)
        if value in options and rng.random() >= OMISSION_RATE[name]:
            words[name] = str(rng.choice(options[value]))
    subject, quality, framing = (words.get(k, "") for k in ("subject", "quality", "framing"))
    palette, style = words.get("palette", ""), words.get("style", "")
    order = rng.random()
    if order < 0.35:
        head = " ".join(w for w in ("a", quality, "picture of", "a", framing, subject or "thing") if w)
        text = ", ".join(w for w in (f"{head} in {palette}" if palette else head, style) if w)
    elif order < 0.6:
        head = " ".join(w for w in ("a", quality, framing, subject) if w)
        tail = [w for w in (palette, style) if w]
        rng.shuffle(tail)
        text = ", ".join([head, *tail])
    else:
        parts = [w for w in (quality, framing, subject, palette, style) if w]
        rng.shuffle(parts)
        text = ", ".join(parts) if rng.random() < 0.7 else " ".join(parts)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        text = f"{_filler(rng)} {text}" if rng.random() < 0.3 else f"{text}, {_filler(rng)}"
    return text


def corpus() -> list[str]:
    """Every word the model should hold as one token, for building the tokenizer."""
    phrases = [p for options in FACTORS.values() for words in options.values() for p in words]
    words = " ".join([*phrases, *_FILLER, "a an the of in on at with and picture photo thing color colour"]).split()
    return sorted(set(words))
