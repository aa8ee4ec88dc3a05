"""Judges on a picture tower and a text tower: CLIP score, SigLIP and PickScore.

Sources: Hessel et al., "CLIPScore" (2021); Zhai et al., "Sigmoid loss for language image pre-training" (2023); Kirstain
et al., "Pick-a-Pic" (2023).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ...metrics.protocols import Extractor, Pictures, Scale
from ..ingest.metadata import plain_prompt
from .towers import Towers

#: Judges whose value is the model's own logit, a cosine times its learnt scale.
LOGITS = ("pickscore",)


class TowersJudge:
    """Judges how prompt and picture fit: 100 × cosine (``clip``), probability (``siglip``) or logit (``pickscore``)."""

    needs = ("items", "prompt")

    def __init__(self, towers: Towers, kind: str, source: str) -> None:
        self.towers, self._probability = towers, towers.is_sigmoid and kind not in LOGITS
        self._factor = towers.scale if kind in LOGITS else 100.0
        self.name = f"{kind}:{source}"[-64:].strip()
        self.version = towers.digest
        self.scale = (
            Scale(0.0, 1.0, "probability")
            if self._probability
            else Scale(-self._factor, self._factor, "logits" if kind in LOGITS else "100 × cosine")
        )

    @property
    def extractor(self) -> Extractor:
        """The picture tower; its embeddings are stored as items, so that a picture is decoded once."""
        return self.towers.extractor

    def values(self, pictures: Pictures) -> np.ndarray:
        """(n,) values of pictures."""
        texts = self.towers.texts([plain_prompt(prompt) for prompt in pictures.prompts()])
        cosines: np.ndarray = (pictures.items(self.extractor) * texts).sum(axis=1)
        if self._probability:
            return np.asarray(expit(self.towers.scale * cosines + self.towers.bias))
        return self._factor * cosines


def load(argument: str) -> TowersJudge:
    """Load the judge ``KIND SOURCE``; both come from the table of built-in judges."""
    kind, _, source = argument.partition(" ")
    return TowersJudge(Towers.load(source), kind, source)
