"""The built-in technical score and the detectors of damage.

Both are linear technometrics over items, learnt from undamaged and damaged versions of the same pictures, so they
measure damage and not taste. A linear score is exactly the sum of its items' contributions, from which the reasons are
made.

A picture cannot be freer of damage than an undamaged one. So above the mean undamaged picture the score levels off
towards a ceiling, and optimising past what it was learnt from gains nothing.

The technical score uses SOART items and covers all damages (blur, noise, fading, blocking, ringing…);
``benchmarks/build_technical.py`` rebuilds it. A detector uses SOART and colour items and covers one kind of damage;
``benchmarks/build_detectors.py`` rebuilds them.
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
from ..items.phrases import group_of
from ..items.soart import SoartExtractor
from ..protocols import Extractor, Reason

#: Detectors of one kind of damage each: 100 is the mean undamaged picture, 0 the mean one with that damage.
DETECTORS = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate")
#: Score of the mean undamaged picture.
CLEAN = 100.0


@dataclass(frozen=True)
class TechnicalScorer:
    """A linear score over items: 0 is the mean damaged picture of the learning set, 100 the mean undamaged one.

    Attributes:
        names: (p,) item names, in the extractor's order.
        centre: (p,) mean of each item over undamaged pictures.
        scale: (p,) standard deviation of each item.
        weights: (p,) score per standard deviation.
        extractor: the extractor of the items: SOART items, followed by colour items if ``names`` holds any.
        stored_name: profile name and version, under which scores are stored.
        usual, limit: scores of undamaged pictures from sources not used for learning: the median, and the score that
            2 % of them fall below.
        headroom: distance from 100 to the ceiling of the score.

    Examples:
        >>> import numpy as np
        >>> from soart import TechnicalScorer
        >>> scorer = TechnicalScorer.load()
        >>> pixels = np.random.default_rng(0).random((64, 64, 3))
        >>> items = scorer.extractor.extract(np.stack([pixels, np.clip(pixels, 0.45, 0.55)]))
        >>> scores = scorer.score(items)
        >>> scores.shape
        (2,)
        >>> reasons = scorer.explain(items, top=99)[0]
        >>> bool(np.isclose(sum(reason.contribution for reason in reasons), scores[0] - 100))
        True
    """

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
        """(n, p) deviations of items from the mean undamaged picture, cut at ±6 so that no single item decides alone.

        Raises:
            ProfileError: the number of items does not fit, or items are not finite.
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
        """(n,) sums of the contributions of (n, p) items: 0 for the mean undamaged picture, unbounded both ways."""
        sums: np.ndarray = self.standardise(items) @ self.weights
        return sums

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores of (n, p) items: higher is better; about 0…100 on the learning pictures, < 100 + ``headroom``."""
        sums = self.evidence(items)
        scores: np.ndarray = CLEAN + np.where(sums > 0, -self.headroom * np.expm1(-sums.clip(0) / self.headroom), sums)
        return scores

    def suspicion(self, scores: np.ndarray) -> np.ndarray:
        """(n,) degrees to which scores are unusual for an undamaged picture: 0 is usual, 1 is at the limit."""
        unusual: np.ndarray = (self.usual - scores) / (self.usual - self.limit)
        return unusual

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` groups of (n, p) items that moved each score most, the largest first.

        The contributions of all groups sum to the score less 100.
        """
        contributions = self.standardise(items) * self.weights
        sums = contributions.sum(axis=1)
        # Where the score levels off, all contributions shrink alike.
        contributions *= np.divide(self.score(items) - CLEAN, sums, out=np.ones_like(sums), where=sums > 0)[:, None]
        groups: dict[str, list[int]] = {}
        for i, name in enumerate(self.names):
            groups.setdefault(group_of(name), []).append(i)
        by_group = {text: contributions[:, columns].sum(axis=1) for text, columns in groups.items()}
        rows = []
        for i in range(len(items)):
            largest = sorted(by_group, key=lambda text: -abs(by_group[text][i]))[:top]
            rows.append([Reason(text, float(by_group[text][i])) for text in largest])
        return rows

    def save(self, path: Path) -> None:
        """Write the profile as safetensors (no pickle)."""
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
        """Load the built-in detector of a damage, one of ``DETECTORS``.

        Raises:
            ProfileError: there is no detector with this name.
        """
        if damage not in DETECTORS:
            raise ProfileError(f"Expected a detector among {', '.join(DETECTORS)}, got {damage!r}.")
        return cls.load(Path(__file__).with_name(f"technical-{damage}.safetensors"))

    @classmethod
    def load(cls, path: Path | None = None) -> TechnicalScorer:
        """Read a profile; by default the built-in technical score.

        Raises:
            ProfileError: the file is missing, damaged, or of another extractor version.
        """
        path = path or Path(__file__).with_name("technical.safetensors")
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata()
                arrays = {key: file.get_tensor(key) for key in ("centre", "scale", "weights")}
            names = tuple(json.loads(header["names"]))
            has_colours = any(name.startswith("colour/") for name in names)
            extractor: Extractor = taste_extractor() if has_colours else SoartExtractor()
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
