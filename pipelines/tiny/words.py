"""The words that the embedded model understands."""

from __future__ import annotations

import re

SUBJECTS: dict[str, tuple[str, ...]] = {
    "boat": ("boat", "ship", "sailboat"), "house": ("house", "cottage", "cabin"), "tree": ("tree", "oak"),
    "fish": ("fish", "goldfish"), "flower": ("flower", "daisy"), "fox": ("fox", "red fox"), "owl": ("owl", "night owl"),
    "mushroom": ("mushroom", "toadstool"), "mountain": ("mountain", "mountains", "peak"),
    "castle": ("castle", "fortress"), "cat": ("cat", "kitten"), "dog": ("dog", "puppy"), "bird": ("bird", "songbird"),
    "horse": ("horse", "pony"), "woman": ("woman", "girl", "lady"), "man": ("man", "boy", "gentleman"),
    "robot": ("robot", "android"), "car": ("car", "automobile"), "train": ("train", "locomotive"),
    "rocket": ("rocket", "spaceship"), "cactus": ("cactus", "succulent"), "cup": ("cup", "mug", "teacup"),
    "lighthouse": ("lighthouse", "beacon"), "bridge": ("bridge", "viaduct"),
}  # fmt: skip
PALETTES: dict[str, tuple[str, ...]] = {
    "warm": ("warm colors", "warm colours", "warm palette", "warm"),
    "cool": ("cool colors", "cool colours", "cool palette", "cool"),
    "pastel": ("pastel colors", "pastel colours", "pastel palette", "pastel"),
    "neon": ("neon colors", "neon colours", "neon palette", "neon"),
    "earthy": ("earthy colors", "earthy colours", "earth tones", "earthy"),
    "monochrome": ("monochrome", "black and white", "grayscale"),
}
STYLES: dict[str, tuple[str, ...]] = {
    "flat": ("flat design", "flat style", "poster style"),
    "watercolor": ("watercolor", "watercolor style", "watercolour painting"),
    "pixel": ("pixel art", "pixel art style", "pixel style"), "sketch": ("ink sketch", "sketch style", "line drawing"),
    "pointillism": ("pointillism", "pointillist style", "dotted style"),
    "woodcut": ("woodcut", "woodcut style", "linocut print"),
}  # fmt: skip
QUALITIES: dict[str, tuple[str, ...]] = {
    "sharp": ("sharp", "crisp", "detailed", "high quality"), "vivid": ("vivid", "vibrant", "colorful", "high quality"),
    "blurry": ("blurry", "out of focus", "soft", "low quality"), "noisy": ("noisy", "grainy", "low quality"),
    "faded": ("faded", "washed out", "dull", "low quality"),
}  # fmt: skip
FRAMINGS: dict[str, tuple[str, ...]] = {
    "close": ("close up", "large", "big"), "far": ("far away", "small", "tiny"),
}  # fmt: skip
SETTINGS: dict[str, tuple[str, ...]] = {
    "hills": ("in the hills", "on a hill", "hills"), "forest": ("in a forest", "in the woods", "forest"),
    "city": ("in a city", "in the street", "city"), "sea": ("by the sea", "at the beach", "sea"),
}  # fmt: skip
WEATHERS: dict[str, tuple[str, ...]] = {
    "sunset": ("at sunset", "at dusk", "in the evening", "sunset"),
    "night": ("at night", "by moonlight", "under the stars", "night"), "rain": ("in the rain", "rainy", "rain"),
    "snow": ("in the snow", "in winter", "snowy", "snow"),
}  # fmt: skip
FACTORS: dict[str, dict[str, tuple[str, ...]]] = {
    "subject": SUBJECTS, "palette": PALETTES, "style": STYLES, "quality": QUALITIES, "framing": FRAMINGS,
    "setting": SETTINGS, "weather": WEATHERS,
}  # fmt: skip


def names_subject(text: str) -> bool:
    """True if a text names one of ``SUBJECTS``, by any of its words, also in the plural."""
    names = "|".join(name for synonyms in SUBJECTS.values() for name in synonyms)
    for ending, also in (("y", "(?:y|ie)"), ("man", "m[ae]n"), ("us", "(?:us|i)")):
        names = re.sub(rf"{ending}(?=\||$)", also, names)
    return re.search(rf"\b(?:{names})(?:e?s)?\b", text, re.IGNORECASE) is not None
