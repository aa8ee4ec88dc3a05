"""Operations that give any picture a palette or a light, for adherence to words of colour and light.

Colours are changed in OKLab (Ottosson, "A perceptual color space for image processing", 2020), whose hues and lightness
are not those of the items that the judge measures. Hues are those of the CSS colours of the same names. Each operation
says which terms a picture then shows, and which it surely does not; all others are not asked of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: CSS colours by term.
NAMED = {
    "red": "ff0000", "orange": "ff8c00", "yellow": "ffd700", "green": "228b22", "cyan": "00ced1", "blue": "1e5fff",
    "purple": "8a2be2", "pink": "ff69b4", "brown": "8b4513",
}  # fmt: skip
_RGB_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                        [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_LMS_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                        [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def to_oklab(rgb: np.ndarray) -> np.ndarray:
    """(…, 3) OKLab of (…, 3) sRGB in 0…1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _RGB_TO_LMS.T) @ _LMS_TO_LAB.T


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """(…, 3) sRGB in 0…1 of (…, 3) OKLab; colours out of gamut lose chroma until they fit."""
    lightness, lab = np.clip(lab[..., :1], 0.0, 1.0), lab.copy()
    lab[..., :1] = lightness
    for _ in range(12):
        linear = ((lab @ np.linalg.inv(_LMS_TO_LAB).T) ** 3) @ np.linalg.inv(_RGB_TO_LMS).T
        outside = ((linear < -1e-4) | (linear > 1 + 1e-4)).any(axis=-1)
        if not outside.any():
            break
        lab[outside, 1:] *= 0.85
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


class Painter:
    """A picture in lightness, chroma and hue, which operations change."""

    def __init__(self, picture: np.ndarray, rng: np.random.Generator) -> None:
        self.lab, self.rng = to_oklab(picture.astype(np.float64)), rng

    def exposed(self, mean: tuple[float, float], spread: tuple[float, float] | None = None) -> Painter:
        """Bring lightness to a mean, and to a standard deviation if one is given, both drawn from ranges."""
        light = self.lab[..., 0]
        centred = light - light.mean()
        if spread:
            centred = centred / max(centred.std(), 1e-3) * self.rng.uniform(*spread)
        goal, low, high = self.rng.uniform(*mean), -1.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if np.clip(centred + goal + middle, 0, 1).mean() < goal else (low, middle)
        self.lab[..., 0] = np.clip(centred + goal + middle, 0, 1)
        return self

    def chroma(self, mean: tuple[float, float], most: float = 0.4) -> Painter:
        """Bring chroma to a mean, drawn from a range."""
        chroma = np.linalg.norm(self.lab[..., 1:], axis=-1)
        goal = self.rng.uniform(*mean)
        target = np.minimum(chroma * goal / max(chroma.mean(), 1e-4), most)
        self.lab[..., 1:] *= (target / np.maximum(chroma, 1e-6))[..., None]
        return self

    def hues(self, *centres: float, spread: float, cast: tuple[float, float] = (0.03, 0.06)) -> Painter:
        """Draw hues, in degrees, towards the nearest centre, and add a cast to what has no colour."""
        a, b = self.lab[..., 1], self.lab[..., 2]
        chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a))
        away = np.stack([(hue - centre + 180) % 360 - 180 for centre in centres])
        if len(centres) == 1:
            nearest = np.zeros(hue.shape, dtype=int)
        else:
            # By lightness, so that both sides are there in every picture.
            nearest = (self.lab[..., 0] > np.quantile(self.lab[..., 0], self.rng.uniform(0.35, 0.65))).astype(int)
        off = np.take_along_axis(away, nearest[None], axis=0)[0]
        angle = np.radians(np.array(centres)[nearest] + spread * off / 180)
        # Colours of both sides need some chroma to be seen.
        chroma = np.maximum(chroma, self.rng.uniform(*cast))
        self.lab[..., 1], self.lab[..., 2] = chroma * np.cos(angle), chroma * np.sin(angle)
        return self

    def many_hues(self) -> Painter:
        """Spread hues evenly over the circle by their order."""
        a, b = self.lab[..., 1], self.lab[..., 2]
        chroma, hue = np.hypot(a, b), np.arctan2(b, a)
        place = np.empty(hue.size)
        # The chroma decides the order of equal hues, as of grey pixels.
        place[np.lexsort((self.lab[..., 0].ravel(), np.round(hue.ravel(), 2)))] = np.arange(hue.size) / hue.size
        angle = 2 * np.pi * place.reshape(hue.shape) + self.rng.uniform(0, 2 * np.pi)
        chroma = np.full_like(chroma, self.rng.uniform(0.06, 0.12))
        self.lab[..., 1], self.lab[..., 2] = chroma * np.cos(angle), chroma * np.sin(angle)
        return self

    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8 sRGB."""
        return np.rint(to_rgb(self.lab) * 255).astype(np.uint8)


def _hue(term: str) -> float:
    rgb = np.array([int(NAMED[term][i : i + 2], 16) / 255 for i in (0, 2, 4)])
    _, a, b = to_oklab(rgb)
    return float(np.degrees(np.arctan2(b, a)))


_NATURAL = (0.45, 0.68)
_WARM_HUES, _COOL_HUES = {"red", "orange", "yellow", "brown"}, {"cyan", "blue"}
_ALL_HUES = set(NAMED)
#: Hues that are too near to each other to be asked of one another's pictures.
_NEAR = {
    "red": {"orange", "pink", "brown"}, "orange": {"red", "yellow", "brown"}, "yellow": {"orange", "green", "brown"},
    "green": {"yellow", "cyan"}, "cyan": {"green", "blue"}, "blue": {"cyan", "purple"}, "purple": {"blue", "pink"},
    "pink": {"purple", "red"}, "brown": {"red", "orange", "yellow"},
}  # fmt: skip


def _toned(term: str) -> Callable[[Painter], Painter]:
    light = (0.3, 0.5) if term == "brown" else _NATURAL
    return lambda p: (
        p.exposed(light).chroma((0.05, 0.13)).hues(_hue(term) + p.rng.uniform(-8, 8), spread=p.rng.uniform(5, 20))
    )


def _told(shown: set[str], not_shown: set[str], operation: Callable[[Painter], Painter]):  # noqa: ANN202
    return operation, frozenset(shown), frozenset(not_shown - shown)


#: By name: the operation, the terms that a picture then shows, and those that it does not.
OPERATIONS = {
    "grey": _told({"black and white"}, {"sepia", "warm", "cool", "vibrant", "pastel", "earthy", "golden", "blue hour"} | _ALL_HUES, lambda p: p.chroma((0.0, 0.004))),
    "sepia": _told({"sepia"}, {"black and white", "cool", "vibrant", "blue hour", "red", "green", "cyan", "blue", "purple", "pink"},
                   lambda p: p.chroma((0.0, 0.01)).hues(p.rng.uniform(62, 84), spread=0, cast=(0.03, 0.07))),
    "warm": _told({"warm"}, {"cool", "black and white", "sepia", "blue hour", "green", "cyan", "blue", "purple"},
                  lambda p: p.exposed(_NATURAL).chroma((0.05, 0.12)).hues(p.rng.uniform(40, 70), spread=p.rng.uniform(30, 50))),
    "cool": _told({"cool"}, {"warm", "black and white", "sepia", "golden", "earthy"} | _WARM_HUES | {"pink"},
                  lambda p: p.exposed(_NATURAL).chroma((0.05, 0.12)).hues(p.rng.uniform(195, 255), spread=p.rng.uniform(30, 50))),
    "pastel": _told({"pastel"}, {"black and white", "vibrant", "dark", "earthy", "high contrast", "blue hour", "brown"},
                    lambda p: p.exposed((0.8, 0.9), (0.03, 0.1)).chroma((0.03, 0.06), 0.1)),
    "neon": _told({"vibrant"}, {"black and white", "sepia", "pastel", "muted", "earthy"},
                  lambda p: p.exposed((0.4, 0.65)).chroma((0.2, 0.3))),
    "vibrant": _told({"vibrant"}, {"black and white", "sepia", "pastel", "muted", "earthy"},
                     lambda p: p.exposed(_NATURAL).chroma((0.13, 0.18))),
    "muted": _told({"muted"}, {"vibrant", "black and white"}, lambda p: p.exposed(_NATURAL).chroma((0.015, 0.035), 0.07)),
    "earthy": _told({"earthy"}, {"cool", "black and white", "pastel", "vibrant", "blue hour", "cyan", "blue", "purple", "pink"},
                    lambda p: p.exposed((0.35, 0.7)).chroma((0.035, 0.075), 0.12).hues(p.rng.uniform(60, 85), spread=35)),
    "natural chroma": _told(set(), {"vibrant", "black and white", "muted", "sepia"},
                            lambda p: p.exposed(_NATURAL).chroma((0.045, 0.08))),
    "dark": _told({"dark"}, {"bright", "pastel"}, lambda p: p.exposed((0.16, 0.32))),
    "bright": _told({"bright"}, {"dark", "blue hour", "earthy", "brown"}, lambda p: p.exposed((0.78, 0.9))),
    "natural light": _told(set(), {"dark", "bright", "high contrast", "low contrast", "blue hour", "pastel"},
                           lambda p: p.exposed((0.5, 0.65), (0.14, 0.2))),
    "high contrast": _told({"high contrast"}, {"low contrast", "pastel"}, lambda p: p.exposed((0.45, 0.6), (0.32, 0.42))),
    "low contrast": _told({"low contrast"}, {"high contrast"}, lambda p: p.exposed((0.35, 0.75), (0.03, 0.085))),
    "golden": _told({"golden", "warm"}, {"cool", "black and white", "blue hour", "green", "cyan", "blue", "purple", "pink"},
                    lambda p: p.exposed((0.5, 0.72)).chroma((0.06, 0.12)).hues(p.rng.uniform(66, 88), spread=p.rng.uniform(8, 25),
                                                                               cast=(0.06, 0.1))),
    "blue hour": _told({"blue hour", "cool"}, {"warm", "golden", "bright", "pastel", "earthy", "sepia", "black and white", "green"} | _WARM_HUES,
                       lambda p: p.exposed((0.25, 0.42)).chroma((0.04, 0.09)).hues(p.rng.uniform(255, 275),
                                                                                 spread=p.rng.uniform(10, 30))),
    "teal and orange": _told(set(), {"black and white", "sepia"} | _ALL_HUES - {"cyan", "orange"},
                             lambda p: p.exposed(_NATURAL).chroma((0.06, 0.12)).hues(205, 55, spread=15, cast=(0.05, 0.09))),
    "many hues": _told(set(), {"warm", "cool", "sepia", "golden", "black and white", "blue hour", "earthy"} | _ALL_HUES, lambda p: p.exposed(_NATURAL).many_hues()),
    **{f"{term} tones": _told({term} | ({"warm"} if term in _WARM_HUES else {"cool"} if term in _COOL_HUES else set()),
                              _ALL_HUES - _NEAR[term] | {"black and white"}
                              | ({"cool", "blue hour"} if term in _WARM_HUES else {"warm", "sepia", "golden", "earthy"}
                                 if term in _COOL_HUES else {"sepia", "golden"}),
                              _toned(term)) for term in NAMED},
}  # fmt: skip
