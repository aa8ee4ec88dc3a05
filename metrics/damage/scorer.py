"""The built-in technical score: how far a picture lies from damage, in words that can be checked.

A linear technometric over SOART items. It was learnt from clean and damaged versions of the same pictures (blur, noise,
fading, blocking, ringing…), so it knows nothing of anybody's taste; ``benchmarks/build_technical.py`` rebuilds it. Being
linear, it is exactly the sum of its items' contributions, which is where the reasons come from. A picture cannot be freer
of damage than an undamaged one: above the mean clean picture the score bends towards a ceiling, so that it does not pay to
go on in directions that no picture was learnt from.

Detectors tell one kind of damage each, over SOART and colour items; ``benchmarks/build_detectors.py`` rebuilds them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...errors import ProfileError
from ..items.combined import taste_extractor
from ..items.soart import SoartExtractor
from ..protocols import Extractor, Reason

#: Detectors of one kind of damage each; 100 is the mean clean picture, 0 the mean one damaged so.
DETECTORS = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate")
#: Parts of item names in words, for reasons.
_SCALES = {"s0": "finest", "s1": "fine", "s2": "coarse", "s3": "coarsest"}
_CHANNELS = {"luma": "light–dark", "redgreen": "red–green", "blueyellow": "blue–yellow"}
_COLOURS = {"luma": "lightness", "chroma": "saturation", "hue": "hues",
            "redgreen": "red–green balance", "blueyellow": "blue–yellow balance"}  # fmt: skip
#: The mean clean picture has this score.
CLEAN = 100.0


def _group(name: str) -> str:
    """In words, the group that an item belongs to."""
    if name.startswith("colour/"):
        return _COLOURS[name.split("/")[1]]
    representation, channel, scale, _, _ = name.split("/")
    kind = "contrast" if representation == "raw" else "texture"
    return f"{_SCALES.get(scale, scale)} {_CHANNELS[channel]} {kind}"


@dataclass(frozen=True)
class TechnicalScorer:
    """A linear score over items: 0 is the mean damaged picture of the learning set, 100 the mean clean one.

    Attributes:
        names: item names, in the extractor's order.
        centre: mean of each item over clean pictures, (p,).
        scale: standard deviation of each item, (p,).
        weights: score per standard deviation, (p,).
        extractor: that the items must come from: SOART items, and colour items behind them where ``names`` has such.
        stored_name: profile name and version, under which scores are stored.
        usual, limit: median score of undamaged pictures of sources that were left out, and the score that two in a hundred of them fall below.
        headroom: how far above 100 a score can come.
    """

    higher_is_better = True

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    extractor: Extractor
    stored_name: str = "technical-2"
    usual: float = CLEAN
    limit: float = 0.0
    headroom: float = 40.0

    def standardise(self, items: np.ndarray) -> np.ndarray:
        """(n, p) items to deviations from the mean clean picture, cut at ±6 so that no single item decides alone.

        Raises:
            ProfileError: the items are of another length, or not finite.
        """
        if items.ndim != 2 or items.shape[1] != len(self.names):
            raise ProfileError(
                f"Profile {self.stored_name!r} expects items of shape (n, {len(self.names)}), got {items.shape}."
            )
        if not np.isfinite(items).all():
            raise ProfileError(f"Profile {self.stored_name!r} expects finite items, got NaN or infinity.")
        deviations: np.ndarray = np.clip((items - self.centre) / self.scale, -6.0, 6.0)
        return deviations

    def evidence(self, items: np.ndarray) -> np.ndarray:
        """(n,) sums of the contributions of items (n, p), 0 for the mean clean picture and unbounded both ways."""
        sums: np.ndarray = self.standardise(items) @ self.weights
        return sums

    def score(self, items: np.ndarray) -> np.ndarray:
        """Scores (n,) of items (n, p); higher is better, about 0…100 on the learning pictures, below 100 + ``headroom``."""
        sums = self.evidence(items)
        scores: np.ndarray = CLEAN + np.where(sums > 0, -self.headroom * np.expm1(-sums.clip(0) / self.headroom), sums)
        return scores

    def suspicion(self, scores: np.ndarray) -> np.ndarray:
        """How unusual (n,) scores would be for an undamaged picture: 0 at the usual score, 1 at the limit, more below it."""
        unusual: np.ndarray = (self.usual - scores) / (self.usual - self.limit)
        return unusual

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` groups of items that moved each score most, largest first; those of all groups sum to the score less 100."""
        parts = self.standardise(items) * self.weights
        sums = parts.sum(axis=1)
        # Where the score bends, so does every contribution to it.
        parts *= np.divide(self.score(items) - CLEAN, sums, out=np.ones_like(sums), where=sums > 0)[:, None]
        groups: dict[str, list[int]] = {}
        for i, name in enumerate(self.names):
            groups.setdefault(_group(name), []).append(i)
        moved = {text: parts[:, index].sum(axis=1) for text, index in groups.items()}
        rows = []
        for i in range(len(items)):
            largest = sorted(moved, key=lambda text: -abs(moved[text][i]))[:top]
            rows.append([Reason(text, float(moved[text][i])) for text in largest])
        return rows

    def save(self, path: Path) -> None:
        """Write weights and names as safetensors (no pickle)."""
        arrays = {"centre": self.centre, "scale": self.scale, "weights": self.weights}
        numbers = {name: repr(getattr(self, name)) for name in ("usual", "limit", "headroom")}
        header = {
            "names": json.dumps(self.names),
            "name": self.stored_name,
            "version": self.extractor.version,
            **numbers,
        }
        save_file(arrays, path, metadata=header)

    @classmethod
    def detector(cls, damage: str) -> TechnicalScorer:
        """The built-in detector of a damage, one of ``DETECTORS``.

        Raises:
            ProfileError: there is none of that name.
        """
        if damage not in DETECTORS:
            raise ProfileError(f"Expected a detector among {', '.join(DETECTORS)}, got {damage!r}.")
        return cls.load(Path(__file__).with_name(f"technical-{damage}.safetensors"))

    @classmethod
    def load(cls, path: Path | None = None) -> TechnicalScorer:
        """Read a profile; without ``path`` the built-in one.

        Raises:
            ProfileError: no such file, damaged, or of another extractor version.
        """
        path = path or Path(__file__).with_name("technical.safetensors")
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata()
                arrays = {key: file.get_tensor(key) for key in ("centre", "scale", "weights")}
            names = tuple(json.loads(header["names"]))
            coloured = any(name.startswith("colour/") for name in names)
            extractor: Extractor = taste_extractor() if coloured else SoartExtractor()
            profile = cls(
                names, **arrays, extractor=extractor, stored_name=header["name"],
                usual=float(header["usual"]), limit=float(header["limit"]), headroom=float(header["headroom"]),
            )  # fmt: skip
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ProfileError(f"The profile {str(path)!r} cannot be read: {error}.") from error
        if header["version"] != extractor.version or profile.names != extractor.names:
            raise ProfileError(
                f"The profile {str(path)!r} was learnt on items {header['version']}, this version measures "
                f"{extractor.version}: rebuild or update it."
            )
        return profile
