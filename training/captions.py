"""Captions of rendered pictures, made of the words that the embedded model understands.

A ``Scene`` names the content of a picture; ``caption`` describes it in words, in one of several orders. Captions omit
words at random, so that the model also learns to draw without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pipelines.tiny.words import FACTORS

#: Probability that a caption omits a factor. Surroundings are nearly always told, so that a prompt without them has none.
OMISSION_RATE = {
    "subject": 0.03, "palette": 0.12, "style": 0.12, "quality": 0.2, "framing": 0.5, "setting": 0.03, "weather": 0.03,
}  # fmt: skip
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
    "summer",
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
    "garden",
    "sky",
    "portrait",
]
_OTHERS = "a an the of in on at with by and beside next to under picture photo thing color colour"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of one picture: one option per factor.

    ``framing`` may be ``"medium"``, which has no word. ``second`` is another subject to the right of the first; that,
    ``setting`` and ``weather`` are empty where a picture has none.
    """

    subject: str
    palette: str
    style: str
    quality: str
    framing: str = "medium"
    second: str = ""
    setting: str = ""
    weather: str = ""


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene.

    Half have one subject alone, a quarter a setting, weather or both around it, a quarter two subjects, of which a third
    have surroundings. Of each factor all options are equally likely (framing: a quarter close, a quarter far, the rest
    medium; two subjects are medium, and seldom is one close that has surroundings).
    """
    names = ("subject", "palette", "style", "quality", "setting", "weather")
    pick = {name: str(rng.choice(list(FACTORS[name]))) for name in names}
    kind, second = rng.random(), ""
    if kind >= 0.75:
        second = str(rng.choice([name for name in FACTORS["subject"] if name != pick["subject"]]))
    surrounded = 0.5 <= kind < 0.75 or kind > 0.92
    hidden = rng.random()
    if not surrounded or hidden < 0.35:
        pick["setting"] = ""
    if not surrounded or hidden > 0.65:
        pick["weather"] = ""
    framing = str(rng.choice(["close", "far", "medium", "medium"]))
    if second or (surrounded and framing == "close" and rng.random() < 0.6):
        framing = "medium"
    return Scene(**pick, framing=framing, second=second)


def _filler(rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return str(rng.choice(_FILLER))
    return "".join(rng.choice(list(_LETTERS), size=rng.integers(3, 9)))


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def _subjects(scene: Scene, rng: np.random.Generator) -> str:
    """Words for one subject, or for two, the left one first; empty if omitted."""
    names = [str(rng.choice(FACTORS["subject"][name])) for name in (scene.subject, scene.second) if name]
    if rng.random() < OMISSION_RATE["subject"]:
        return ""
    if len(names) == 1:
        return names[0]
    link = str(rng.choice(["and", "and", "and", "and", "with", "beside", "next to"]))
    return f"{names[0]} {link} {names[1] if rng.random() < 0.3 else _with_article(names[1])}"


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Describe ``scene`` in words: random synonyms, order and omissions, and sometimes a meaningless word."""
    words = {}
    for name, options in FACTORS.items():
        value = getattr(scene, name)
        if name != "subject" and value in options and rng.random() >= OMISSION_RATE[name]:
            words[name] = str(rng.choice(options[value]))
    subject = _subjects(scene, rng)
    quality, framing, palette, style = (words.get(k, "") for k in ("quality", "framing", "palette", "style"))
    around = [words[name] for name in ("setting", "weather") if name in words]
    order = rng.random()
    # Surroundings follow the subject in most orders, and stand alone in the others.
    placed = " ".join(w for w in (subject or "thing", *around) if w)
    if order < 0.3:
        head = " ".join(
            w for w in ("a", quality, "picture of", _with_article(" ".join(w for w in (framing, placed) if w))) if w
        )
        text = ", ".join(w for w in (f"{head} in {palette}" if palette else head, style) if w)
    elif order < 0.45:
        text = ", ".join(
            w for w in (_with_article(" ".join(w for w in (framing, placed) if w)), style, palette, quality) if w
        )
    elif order < 0.65:
        head = _with_article(" ".join(w for w in (quality, framing, subject) if w)).strip()
        tail = [w for w in (palette, style, *around) if w]
        rng.shuffle(tail)
        text = ", ".join([head, *tail])
    else:
        parts = [w for w in (quality, framing, subject, palette, style, *around) if w]
        rng.shuffle(parts)
        text = ", ".join(parts) if rng.random() < 0.7 else " ".join(parts)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        text = f"{_filler(rng)} {text}" if rng.random() < 0.3 else f"{text}, {_filler(rng)}"
    return text


def corpus() -> list[str]:
    """Every word the model should hold as one token, for building the tokenizer."""
    phrases = [p for options in FACTORS.values() for words in options.values() for p in words]
    words = " ".join([*phrases, *_FILLER, _OTHERS]).split()
    return sorted(set(words))
