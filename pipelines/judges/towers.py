"""A picture tower and a text tower that embed into one space: CLIP, SigLIP and their like."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ...errors import JudgeError, first_line
from ...metrics.items.deep import DeepExtractor
from ...metrics.items.networks import quiet
from ...threads import import_whole

#: Texts that are embedded at once, and texts whose embeddings are kept.
_BATCH, _KEPT = 64, 4096


@dataclass
class Towers:
    """Both towers of a model of transformers."""

    extractor: DeepExtractor  # embeds pictures, (n, d) of length one; its version names the weights
    tokenizer: Any
    scale: float  # scale, bias: turn a cosine into the model's logit
    bias: float
    _known: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def load(cls, source: str, device: str = "cpu") -> Towers:
        """Load a model by hub id or folder, in float32."""
        # First: a model that does not exist is refused before transformers is imported, which takes a second.
        extractor = DeepExtractor.load(source, device=device)
        import_whole("transformers")
        from transformers import AutoTokenizer

        model: Any = extractor.network.module
        if not hasattr(model, "get_text_features"):
            raise JudgeError(
                f"The model {source!r} ({type(model).__name__}) reads no text: name a CLIP or SigLIP model."
            )
        try:
            with quiet():
                tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        # The library raises errors of nearly any kind.
        except Exception as error:
            raise JudgeError(f"The model {source!r} has no usable tokenizer: {first_line(error)}.") from error
        bias = getattr(model, "logit_bias", None)
        return cls(extractor, tokenizer, _number(model.logit_scale.exp()), 0.0 if bias is None else _number(bias))

    @property
    def version(self) -> str:
        """Changes with the weights."""
        return self.extractor.version

    @property
    def is_sigmoid(self) -> bool:
        """True for SigLIP, whose logits are log-odds that picture and text belong together."""
        return hasattr(self.extractor.network.module, "logit_bias")

    @property
    def digest(self) -> str:
        """Short name of the weights, 12 hex digits."""
        return hashlib.sha256(self.extractor.version.encode()).hexdigest()[:12]

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float64 embeddings of texts, of length one; texts longer than the tower takes are cut."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if len(self._known) + len(missing) > _KEPT:
            self._known, missing = {}, list(dict.fromkeys(texts))
        for start in range(0, len(missing), _BATCH):
            block = missing[start : start + _BATCH]
            self._known.update(zip(block, self._embedded(block), strict=True))
        width = len(self.extractor.names)
        return np.array([self._known[text] for text in texts]).reshape(len(texts), width)

    @torch.inference_mode()
    def _embedded(self, texts: list[str]) -> np.ndarray:
        model: Any = self.extractor.network.module
        # SigLIP was trained on texts padded to the full length.
        padding = "max_length" if self.is_sigmoid else True
        length = min(self.tokenizer.model_max_length, model.config.text_config.max_position_embeddings)
        tokens = self.tokenizer(texts, padding=padding, truncation=True, max_length=length, return_tensors="pt")
        features = model.get_text_features(**tokens.to(self.extractor.device))
        # A tensor before transformers 5.
        features = features if isinstance(features, torch.Tensor) else features.pooler_output
        return functional.normalize(features, dim=1).cpu().double().numpy()


def _number(value: torch.Tensor) -> float:
    return float(value.detach().item())
